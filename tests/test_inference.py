"""A song comes back in two parts that fit it, as its examples ask."""

import functools
import subprocess
import sys
import textwrap

import jax
import numpy as np
import pytest
import soundfile

from fewshot_mss.episode import Support
from fewshot_mss.export.checks import build_model
from fewshot_mss.inference.inputs import cut_pieces
from fewshot_mss.inference.listener import apply_model
from fewshot_mss.inference.separator import Separator
from inference_sounds import CONDITION, RATE_HZ, assert_sums, noise, tone
from tiny_archive import MODEL, mask_of_ones, random_params, write_archive


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
  root = tmp_path_factory.mktemp("archives")
  write_archive(root / "examples")
  write_archive(root / "ones", mask_of_ones(random_params()))
  write_archive(root / "negatives", conditioning="examples_and_negatives")
  write_archive(root / "class", conditioning="class")
  return root


@pytest.fixture(scope="module")
def separator(archives):
  return Separator.from_pretrained(archives / "examples")


@pytest.fixture(scope="module")
def ones(archives):
  return Separator.from_pretrained(archives / "ones")


@pytest.fixture(scope="module")
def with_negatives(archives):
  return Separator.from_pretrained(str(archives / "negatives"))


@pytest.fixture(scope="module")
def by_class(archives):
  return Separator.from_pretrained(archives / "class")


@pytest.mark.parametrize("rate_hz", [8000, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
def test_rate_length_and_channels_of_the_song_are_kept(
  separator, rate_hz, channels
):
  song = noise(rate_hz // 3 + 7, channels)
  separation = separator.separate_with(song, CONDITION, rate_hz=rate_hz)
  assert separation.rate_hz == rate_hz
  assert_sums(separation, song)
  level = np.abs(separation.target).mean()
  assert 1e-3 < level < np.abs(song).mean()


@pytest.mark.parametrize("rate_hz", [8000, 44100, 96000])
@pytest.mark.parametrize("samples", [1, 2, 5, 6, 100])
def test_the_shortest_songs(separator, rate_hz, samples):
  song = noise(samples, 2)
  assert_sums(separator.separate_with(song, CONDITION, rate_hz=rate_hz), song)


def test_a_mask_of_ones_returns_the_song_at_any_length(ones):
  for samples in (1, 31, 1023, 1024, 1025, 1536, 1537, 3072, 3073):
    song = noise(samples, 2, seed=samples)
    target = ones.separate_with(song, CONDITION, rate_hz=RATE_HZ).target
    np.testing.assert_allclose(target, song, atol=1e-6)


@pytest.mark.parametrize("rate_hz", [44100, 48000])
def test_what_the_model_cannot_hear_stays_in_the_residual(ones, rate_hz):
  low = tone(1000, rate_hz, rate_hz)
  high = tone(9000, rate_hz, rate_hz)
  song = (low + high)[:, None]
  separation = ones.separate_with(song, CONDITION, rate_hz=rate_hz)
  inside = slice(1000, -1000)
  np.testing.assert_allclose(
    separation.target[inside, 0], low[inside], atol=2e-4
  )
  np.testing.assert_allclose(
    separation.residual[inside, 0], high[inside], atol=2e-4
  )


def test_levels_above_full_scale_are_left_alone(ones):
  song = noise(3000, 1, peak=4.0)
  target = ones.separate_with(song, CONDITION, rate_hz=RATE_HZ).target
  np.testing.assert_allclose(target, song, atol=1e-5)


def test_a_silent_song_has_silent_parts(separator):
  song = np.zeros((2000, 2), np.float32)
  separation = separator.separate_with(song, CONDITION, rate_hz=RATE_HZ)
  assert not separation.target.any()
  assert not separation.residual.any()


def test_channels_are_processed_alike(separator):
  song = noise(3000, 2)
  both = separator.separate_with(song, CONDITION, rate_hz=RATE_HZ).target
  swapped = separator.separate_with(
    song[:, ::-1].copy(), CONDITION, rate_hz=RATE_HZ
  ).target
  np.testing.assert_allclose(both, swapped[:, ::-1], atol=1e-6)
  left = separator.separate_with(song[:, 0], CONDITION, rate_hz=RATE_HZ).target
  np.testing.assert_allclose(left[:, 0], both[:, 0], atol=1e-6)


def test_one_patch_is_what_the_network_says(separator):
  song = noise(1024)
  model, params = build_model(MODEL), random_params()
  separate = jax.jit(functools.partial(model.apply, method="separate"))
  expected = separate({"params": params}, song[None], CONDITION[None, None])
  target = separator.separate_with(song, CONDITION, rate_hz=RATE_HZ).target
  np.testing.assert_allclose(target[:, 0], expected[0, 0], atol=1e-6)


def test_the_condition_is_what_the_network_says(with_negatives):
  model = build_model(MODEL | {"conditioning": "examples_and_negatives"})
  params = random_params(MODEL | {"conditioning": model.conditioning})
  positives, negatives = noise(2, 2048), noise(3, 2048, seed=1)
  support = Support(
    positives=positives[None, None],
    positive_mask=np.ones((1, 1, 2), np.bool_),
    negatives=negatives[None, None],
    negative_mask=np.ones((1, 1, 3), np.bool_),
    class_id=np.full((1, 1), -1, np.int32),
  )
  network = jax.jit(functools.partial(model.apply, method="condition"))
  for mask in (True, False):
    support = support._replace(negative_mask=np.full((1, 1, 3), mask))
    expected = network({"params": params}, support)
    condition = with_negatives.condition(
      positives=list(positives),
      negatives=list(negatives) if mask else [],
      rate_hz=RATE_HZ,
    )
    np.testing.assert_allclose(condition, expected[0, 0], atol=1e-5)
    assert np.count_nonzero(condition) > 1


def test_examples_weigh_the_same_in_any_order_and_number(separator):
  def condition(clips):
    return separator.condition(positives=clips, rate_hz=RATE_HZ)

  low, high, long = tone(300), tone(2000), noise(9000, 2)
  several = condition([low, high, long])
  np.testing.assert_array_equal(condition([long, low, high]), several)
  np.testing.assert_array_equal(condition([low] * 500), condition([low]))
  mean = (condition([low]) + condition([high]) + condition([long])) / 3
  np.testing.assert_allclose(several, mean, atol=1e-6)
  assert np.abs(condition([low]) - condition([high])).max() > 1e-2


def test_the_output_follows_the_examples(separator):
  song = noise(2048)
  low, high = (
    separator.separate(song, positives=[tone(f)], rate_hz=RATE_HZ)
    for f in (300, 2000)
  )
  assert_sums(low, song[:, None])
  assert np.abs(low.target - high.target).max() > 1e-3


def test_an_example_is_embedded_in_pieces_of_the_trained_length():
  samples = noise(2500)
  pieces = cut_pieces(samples, 1000)
  np.testing.assert_array_equal(
    pieces, [samples[:1000], samples[750:1750], samples[1500:]]
  )
  np.testing.assert_array_equal(cut_pieces(samples, 2500), samples[None])


def test_a_short_example_is_mirrored_until_it_fills_a_piece():
  short = np.array([1, 2, 3], np.float32)
  np.testing.assert_array_equal(
    cut_pieces(short, 8), [[1, 2, 3, 3, 2, 1, 1, 2]]
  )


def test_pauses_in_an_example_do_not_count(separator):
  clip = noise(2048)
  paused = np.concatenate([clip, noise(3 * 2048, peak=1e-3)])
  assert len(cut_pieces(paused, 2048)) == 1
  np.testing.assert_array_equal(
    separator.condition(positives=[paused], rate_hz=RATE_HZ),
    separator.condition(positives=[clip], rate_hz=RATE_HZ),
  )
  # 30 dB down is a quiet note, not a pause.
  quiet = np.concatenate([clip, 0.03 * clip])
  assert len(cut_pieces(quiet, 2048)) == 2


def test_files_ranges_and_arrays_say_the_same(separator, tmp_path):
  song = noise(4 * RATE_HZ, 2)
  path = tmp_path / "song.wav"
  soundfile.write(path, song, RATE_HZ, subtype="FLOAT")
  condition = separator.condition(positives=[f"{path}@1-2.5"])
  part = song[RATE_HZ : 5 * RATE_HZ // 2]
  np.testing.assert_array_equal(
    condition, separator.condition(positives=[part], rate_hz=RATE_HZ)
  )
  np.testing.assert_array_equal(
    condition, separator.condition(positives=[part.mean(1)], rate_hz=RATE_HZ)
  )
  whole = separator.separate(path, positives=[path])
  np.testing.assert_array_equal(
    whole.target,
    separator.separate(song, positives=[song], rate_hz=RATE_HZ).target,
  )
  assert whole.rate_hz == RATE_HZ


def test_examples_of_another_rate_are_resampled(separator):
  slow, fast = tone(440, 4000, 8000), tone(440, 22050, 44100)
  np.testing.assert_allclose(
    separator.condition(positives=[slow], rate_hz=8000),
    separator.condition(positives=[fast], rate_hz=44100),
    atol=2e-2,
  )


def test_a_class_is_a_row_of_the_table(by_class):
  table = by_class.archive.params["conditioner"]["table"]["embedding"]
  condition = by_class.condition(instrument="horn")
  np.testing.assert_array_equal(condition, table[1])
  assert by_class.archive.instruments == ("bass", "horn")


def test_a_second_song_compiles_nothing(separator, ones):
  def separate(samples, channels, clips):
    separator.separate(
      noise(samples, channels), positives=clips, rate_hz=RATE_HZ
    )

  separate(500, 1, [tone(300)])
  compiled = apply_model._cache_size()
  separate(7001, 2, [tone(300, 9000), tone(500, 2100), noise(5000, 2)])
  # Nor does a second separator of the same sizes.
  ones.separate(noise(50), positives=[tone(300)], rate_hz=RATE_HZ)
  assert apply_model._cache_size() == compiled


def test_progress_ends_at_the_number_of_patches(separator):
  calls = []
  separator.separate_with(
    noise(5120, 2),
    CONDITION,
    rate_hz=RATE_HZ,
    progress=lambda done, total: calls.append((done, total)),
  )
  # Patches of 1024 that share half: 9 a channel.
  assert calls == [(8, 18), (16, 18), (18, 18)]


def test_neither_tensorflow_nor_training_is_needed(archives):
  program = textwrap.dedent(f"""
    import sys
    import numpy as np

    class Blocker:
      def find_spec(self, name, path=None, target=None):
        blocked = ("tensorflow", "tensorflow_datasets", "array_record",
                   "fewshot_mss.data", "fewshot_mss.training")
        if any(name == b or name.startswith(b + ".") for b in blocked):
          raise ImportError("blocked: " + name)

    sys.meta_path.insert(0, Blocker())
    from fewshot_mss.inference.separator import Separator
    import fewshot_mss.inference.command
    separator = Separator.from_pretrained({str(archives / "examples")!r})
    clip = np.sin(np.arange(2048, dtype=np.float32))
    parts = separator.separate(clip, positives=[clip], rate_hz=8000)
    print(parts.target.shape)
  """)
  done = subprocess.run(
    [sys.executable, "-c", program],
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.stdout == "(2048, 1)\n", done.stderr
