"""Figures against numbers worked out by hand."""

import numpy as np
import pytest

# Its front door wants PyTorch, this does not.
from fast_bss_eval import numpy as fast_bss_eval

from fewshot_mss.evaluation import metrics

METRICS = (
  metrics.usdr_db,
  metrics.si_sdr_db,
  metrics.snr_db,
  metrics.level_db,
  metrics.level_over_mixture_db,
)


def clips(*rows):
  return np.array(rows, np.float64)


def noise(*shape, seed=0):
  return np.random.default_rng(seed).normal(0, 0.3, shape)


def test_usdr_by_hand():
  # |s|^2 = 4, |s - e|^2 = 0.04: a ratio of 100.
  target, estimate = clips([2.0, 0.0]), clips([2.0, 0.2])
  assert metrics.usdr_db(target, estimate) == pytest.approx(20.0, abs=1e-4)


def test_usdr_sees_level_and_sign():
  target = noise(1, 50)
  assert metrics.usdr_db(target, target / 2)[0] == pytest.approx(
    20 * np.log10(2), abs=1e-4
  )
  assert metrics.usdr_db(target, -target)[0] == pytest.approx(
    -20 * np.log10(2), abs=1e-4
  )


def test_usdr_of_silence_is_0_db():
  silence = np.zeros((1, 50))
  assert metrics.usdr_db(noise(1, 50), silence)[0] == 0.0
  assert metrics.usdr_db(silence, silence)[0] == 0.0


def test_usdr_delta_keeps_a_perfect_output_finite():
  # |s|^2 = 1 over delta 1e-7.
  one = clips([1.0, 0.0])
  assert metrics.usdr_db(one, one)[0] == pytest.approx(70.0, abs=1e-5)


def test_snr_by_hand():
  # |s|^2 = 4, |s - e|^2 = 0.04: a ratio of 100, without any constant.
  target, estimate = clips([2.0, 0.0]), clips([2.0, 0.2])
  assert metrics.snr_db(target, estimate)[0] == pytest.approx(20.0, abs=1e-12)
  tiny = 1e-6
  assert metrics.snr_db(tiny * target, tiny * estimate)[0] == pytest.approx(20)


def test_snr_sees_level_and_sign():
  target = noise(1, 50)
  for factor, expected in [(0.5, 20 * np.log10(2)), (-1.0, -20 * np.log10(2))]:
    assert metrics.snr_db(target, factor * target)[0] == pytest.approx(expected)


def test_snr_of_silence_is_0_db_and_of_silent_targets_nothing():
  target, silence = noise(1, 50), np.zeros((1, 50))
  assert metrics.snr_db(target, silence)[0] == 0.0
  assert np.isnan(metrics.snr_db(silence, target)[0])
  assert np.isnan(metrics.snr_db(silence, silence)[0])


def test_snr_has_a_ceiling_and_a_floor():
  target = noise(1, 50)
  assert metrics.snr_db(target, target)[0] == metrics.SNR_CEILING_DB == 100
  almost = target * (1 + 1e-6)
  assert metrics.snr_db(target, almost)[0] == metrics.SNR_CEILING_DB
  assert metrics.snr_db(target, 1e4 * target)[0] == pytest.approx(-80, abs=1e-2)
  assert metrics.snr_db(target, 1e6 * target)[0] == metrics.SNR_FLOOR_DB == -100


def test_snr_is_the_usdr_of_what_is_not_quiet():
  target, estimate = 30 * noise(4, 500), 30 * noise(4, 500, seed=1)
  expected = metrics.usdr_db(target, estimate)
  assert metrics.snr_db(target, estimate) == pytest.approx(expected, abs=1e-6)


def test_si_sdr_is_that_of_fast_bss_eval():
  target, estimate = noise(1, 500), noise(1, 500, seed=1) + noise(1, 500)
  # With its own damping of 0; it keeps the means as well.
  expected = fast_bss_eval.si_sdr(target, estimate, zero_mean=False)
  assert metrics.si_sdr_db(target, estimate) == pytest.approx(expected)


def test_snr_is_the_sdr_of_museval_over_one_frame(museval):
  target, estimate = noise(1, 400), noise(1, 400, seed=1)
  # BSSEval v4's filters of one tap leave the SDR a plain ratio of energies.
  sdr = museval.metrics.bss_eval(
    target[..., None],
    estimate[..., None],
    window=np.inf,
    compute_permutation=False,
    filters_len=1,
    framewise_filters=False,
    bsseval_sources_version=False,
  )[0]
  assert metrics.snr_db(target, estimate) == pytest.approx(sdr[:, 0])


def test_level_over_the_mixture_needs_no_target():
  mixture, silence = noise(1, 50), np.zeros((1, 50))
  level = metrics.level_over_mixture_db
  assert level(mixture, mixture / 10)[0] == pytest.approx(-20.0)
  assert level(mixture, -mixture)[0] == pytest.approx(0.0)
  assert level(mixture, silence)[0] == metrics.LEVEL_FLOOR_DB
  assert np.isnan(level(silence, mixture)[0])


def test_si_sdr_by_hand():
  # The projection is [3, 0], the rest [0, 1]: a ratio of 9.
  target, estimate = clips([1.0, 0.0]), clips([3.0, 1.0])
  assert metrics.si_sdr_db(target, estimate)[0] == pytest.approx(
    10 * np.log10(9)
  )


@pytest.mark.parametrize("scale", [1e-4, -1.0, 7.0])
def test_si_sdr_does_not_see_level_or_sign(scale):
  target, estimate = noise(1, 50), noise(1, 50, seed=1)
  expected = metrics.si_sdr_db(target, estimate)
  assert metrics.si_sdr_db(target, scale * estimate) == pytest.approx(expected)
  assert metrics.si_sdr_db(scale * target, estimate) == pytest.approx(expected)


def test_si_sdr_keeps_the_mean():
  # Means removed, the two would be the same signal.
  target, estimate = clips([1.0, -1.0]), clips([2.0, 0.0])
  assert metrics.si_sdr_db(target, estimate)[0] == pytest.approx(0.0)


def test_silence_gets_the_floor_and_not_0_db():
  target = noise(1, 50)
  floor = metrics.SI_SDR_FLOOR_DB
  assert metrics.si_sdr_db(target, np.zeros((1, 50)))[0] == floor
  assert floor < -30  # No mixture that is scored lies lower.


def test_an_output_without_the_target_gets_the_floor():
  target, estimate = clips([1.0, 0.0]), clips([1e-9, 1.0])
  assert metrics.si_sdr_db(target, estimate)[0] == metrics.SI_SDR_FLOOR_DB


def test_a_perfect_output_gets_the_ceiling():
  target = noise(1, 50)
  assert metrics.si_sdr_db(target, target)[0] == metrics.SI_SDR_CEILING_DB


def test_a_silent_target_has_no_si_sdr_and_no_level():
  silence, output = np.zeros((1, 50)), noise(1, 50)
  assert np.isnan(metrics.si_sdr_db(silence, output)[0])
  assert np.isnan(metrics.si_sdr_db(silence, silence)[0])
  assert np.isnan(metrics.level_db(silence, output)[0])
  assert np.isnan(metrics.level_db(silence, silence)[0])


def test_nan_stays_nan():
  target, estimate = noise(1, 50), np.full((1, 50), np.nan)
  for metric in METRICS:
    assert np.isnan(metric(target, estimate)[0])


def test_level_by_hand():
  target = noise(1, 50)
  assert metrics.level_db(target, target / 10)[0] == pytest.approx(-20.0)
  assert metrics.level_db(target, -10 * target)[0] == pytest.approx(20.0)
  silence = np.zeros((1, 50))
  assert metrics.level_db(target, silence)[0] == metrics.LEVEL_FLOOR_DB


@pytest.mark.parametrize("metric", METRICS)
def test_leading_axes_broadcast(metric):
  target, estimates = noise(3, 1, 40), noise(3, 4, 40, seed=1)
  table = metric(target, estimates)
  assert table.shape == (3, 4)
  assert table[2, 1] == pytest.approx(metric(target[2, 0], estimates[2, 1]))


@pytest.mark.parametrize("metric", METRICS)
def test_float32_is_summed_in_float64(metric):
  target = noise(1, 1000).astype(np.float32)
  estimate = noise(1, 1000, seed=1).astype(np.float32)
  wide = metric(target.astype(np.float64), estimate.astype(np.float64))
  assert metric(target, estimate) == pytest.approx(wide, abs=1e-12)


def test_one_sample():
  one, two = clips([1.0]), clips([2.0])
  assert metrics.usdr_db(one, two)[0] == pytest.approx(0.0, abs=1e-6)
  assert metrics.si_sdr_db(one, two)[0] == metrics.SI_SDR_CEILING_DB
  assert metrics.snr_db(one, two)[0] == pytest.approx(0.0)
  assert metrics.level_db(one, two)[0] == pytest.approx(20 * np.log10(2))


def test_ideal_ratio_mask_halves_equal_magnitudes():
  # |S| = |R| and the same phase: the mask is 1/2 everywhere.
  target = noise(2, 200).astype(np.float32)
  masked = metrics.ideal_ratio_mask_estimate(target, target, 32, 8)
  np.testing.assert_allclose(masked, target, atol=1e-5)
  # The mask is still 1/2, of a mixture that cancels out.
  masked = metrics.ideal_ratio_mask_estimate(target, -target, 32, 8)
  np.testing.assert_allclose(masked, 0, atol=1e-5)


def test_ideal_ratio_mask_is_a_ratio_of_magnitudes():
  # |S| : |R| = 1 : 3 of a mixture 4 S: a quarter of it, S itself. By powers
  # it would be a tenth.
  target = noise(1, 200).astype(np.float32)
  masked = metrics.ideal_ratio_mask_estimate(target, 3 * target, 32, 8)
  np.testing.assert_allclose(masked, target, atol=1e-5)


def test_ideal_ratio_mask_parts_what_lies_apart():
  time_s = np.arange(800) / 8000
  low = np.sin(2 * np.pi * 500 * time_s)[None].astype(np.float32)
  high = np.sin(2 * np.pi * 3000 * time_s)[None].astype(np.float32)
  masked = metrics.ideal_ratio_mask_estimate(low, high, 64, 16)
  assert metrics.si_sdr_db(low, masked)[0] > 20
  silence = np.zeros_like(low)
  masked = metrics.ideal_ratio_mask_estimate(silence, silence, 64, 16)
  assert not masked.any()
