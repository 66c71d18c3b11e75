"""One item's figures: over all channels, without the song's own examples."""

import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import metrics, scores
from fewshot_mss.evaluation.song_scores import (
  ideal_ratio_mask,
  score_song_item,
  scored_samples,
)
from fewshot_mss.evaluation.songs_list import SongItem, Span

RATE_HZ = 100
STFT = (32, 8)
LABELS = {"group": "unseen", "family": "brass", "dataset": "folder"}
OTHER = tuple(Span("other", "bass", float(s)) for s in range(2))
ITEM = SongItem(
  index=7,
  song="song",
  instrument="bass",
  wrong_instrument="lead",
  positives=(OTHER, OTHER[:1]),
  negatives=((), ()),
)


def noise(seed, *shape):
  return np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)


TARGET, REST = noise(1, 2, 1000), noise(2, 2, 1000)
MIXTURE = TARGET + REST
EVERYWHERE = np.ones(1000, np.bool_)


def score(outputs, kept=EVERYWHERE, shots=(1, 3), item=ITEM, **more):
  return score_song_item(
    item,
    LABELS,
    MIXTURE,
    TARGET,
    np.stack(outputs),
    **{
      "num_sources": 4,
      "shots": shots,
      "kept": kept,
      "collapse_db": -30.0,
      "stft_sizes": STFT,
    }
    | more,
  )


def test_rows_are_labelled_as_those_of_a_prepared_dataset():
  found = score([TARGET] * 4)
  assert [(row.system, row.shots) for row in found] == [
    *((name, None) for name in scores.BASELINES),
    ("model", 1),
    ("wrong query", 1),
    ("model", 3),
    ("wrong query", 3),
  ]
  assert [row.examples for row in found[-4:]] == [1, 1, 2, 1]
  for row in found:
    assert (row.item, row.song, row.instrument) == (7, "song", "bass")
    assert row.wrong_instrument == "lead"
    assert (row.group, row.family) == ("unseen", "brass")
    assert row.dataset == "folder"


def test_figures_are_over_all_channels_together():
  loud = np.float32([[1.0], [0.1]])
  output = TARGET + loud * noise(3, 2, 1000)
  row = score([output, TARGET], shots=(1,))[-2]
  flat = [sound.reshape(-1) for sound in (TARGET, output, MIXTURE)]
  assert row.usdr_db == metrics.usdr_db(flat[0], flat[1])
  assert row.si_sdr_db == metrics.si_sdr_db(flat[0], flat[1])
  assert row.si_sdr_improvement_db == row.si_sdr_db - metrics.si_sdr_db(
    flat[0], flat[2]
  )
  assert row.snr_db == metrics.snr_db(flat[0], flat[1])
  assert row.level_db == metrics.level_db(flat[0], flat[1])
  assert row.level_over_mixture_db == metrics.level_db(flat[2], flat[1])


def test_each_output_has_its_row():
  found = score([TARGET, MIXTURE, REST, np.zeros_like(TARGET)])
  first, wrong, second, silent = found[-4:]
  assert first.si_sdr_db == metrics.SI_SDR_CEILING_DB
  assert wrong.si_sdr_improvement_db == 0
  assert second.si_sdr_db < -10
  assert silent.collapsed and silent.usdr_db == 0 and silent.snr_db == 0
  assert not first.collapsed


def test_baselines_are_what_they_say():
  plain, shared, silent, ideal = score([TARGET] * 4)[:4]
  assert plain.si_sdr_improvement_db == 0 and plain.level_over_mixture_db == 0
  assert shared.level_over_mixture_db == pytest.approx(-20 * np.log10(4))
  assert shared.si_sdr_improvement_db == pytest.approx(0, abs=1e-4)
  assert silent.collapsed and silent.usdr_db == 0
  assert ideal.si_sdr_improvement_db > 3


def test_the_songs_own_examples_are_left_out():
  own = Span("song", "bass", 2.0)
  item = ITEM._replace(negatives=((), (own, own._replace(start_s=7.5))))
  kept = scored_samples(item, 1000, 1.5, RATE_HZ)
  assert np.flatnonzero(~kept).tolist() == [*range(200, 350), *range(750, 900)]
  # Wrong where nobody looks: as good as perfect.
  output = np.where(kept, TARGET, 5.0).astype(np.float32)
  row = score([output, TARGET], kept=kept, shots=(1,), item=item)[-2]
  assert row.si_sdr_db == metrics.SI_SDR_CEILING_DB
  assert row.level_db == pytest.approx(0, abs=1e-6)
  assert score([output, TARGET], shots=(1,), item=item)[-2].si_sdr_db < 0
  assert scored_samples(ITEM, 1000, 1.5, RATE_HZ).all()


def test_the_ideal_mask_of_a_long_song_is_that_of_the_whole():
  target, rest = noise(1, 2, 20000), noise(2, 2, 20000)
  whole = metrics.ideal_ratio_mask_estimate(target, rest, *STFT)
  found = ideal_ratio_mask(target + rest, target, STFT)
  assert found.shape == (2, 20000)
  # Frames of a patch do not lie where those of the whole song do.
  assert metrics.si_sdr_db(whole, found).min() > 12
  scores_db = [metrics.si_sdr_db(target, each) for each in (whole, found)]
  assert scores_db[1] == pytest.approx(scores_db[0], abs=0.05)


def test_the_ideal_mask_of_a_short_song_is_exact_but_at_its_end():
  found = ideal_ratio_mask(MIXTURE, TARGET, STFT)
  whole = metrics.ideal_ratio_mask_estimate(TARGET, REST, *STFT)
  np.testing.assert_allclose(found[:, :900], whole[:, :900], atol=1e-5)


def test_an_output_that_is_not_finite_is_refused():
  broken = TARGET.copy()
  broken[1, 5] = np.inf
  with pytest.raises(InputError, match=r"item 7 \(song\) is not finite"):
    score([TARGET, broken], shots=(1,))


def test_outputs_of_another_shape_are_refused():
  with pytest.raises(ValueError, match="expected"):
    score([TARGET] * 3)
  with pytest.raises(ValueError, match="expected"):
    score([TARGET[:, 1:]] * 4)
