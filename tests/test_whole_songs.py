"""Songs put together from segments against the sums of their stems."""

import numpy as np
import pytest

from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.data.whole_songs import read_song

RATE_HZ = 1000
# int16 steps, one rounding a stem.
STEP = 1 / 32768


def noise(seconds, level, seed):
  rng = np.random.default_rng(seed)
  return rng.uniform(-level, level, round(seconds * RATE_HZ))


# The last second is half full; drums rest in the second one.
STEMS = {
  "quiet": {
    "violin": noise(2.5, 0.2, 0),
    "violin_2": noise(2.5, 0.1, 1),
    "drums": np.r_[noise(1, 0.3, 2), np.zeros(RATE_HZ), noise(0.5, 0.3, 3)],
  },
  "loud": {
    "violin": noise(1.5, 0.9, 4),
    "drums": noise(1.5, 0.9, 5),
    "flute": noise(1.5, 0.9, 6),
  },
}


def make_stem(name, samples):
  return Stem(
    name, name.split("_")[0], "f", "p", lambda: (samples[:, None], RATE_HZ)
  )


@pytest.fixture(scope="module")
def song_of(tmp_path_factory):
  """Reads a song and an instrument of it by their names."""
  tracks = [
    Track(song, "train", tuple(make_stem(*item) for item in stems.items()))
    for song, stems in STEMS.items()
  ]
  directory = build(
    TrackSet(tracks=tuple(tracks)),
    tmp_path_factory.mktemp("songs") / "data",
    sample_rate_hz=RATE_HZ,
    segment_s=1.0,
    progress=False,
  )
  catalogue = load_catalogue(directory)
  reader = RecordReader(directory, catalogue)

  def song(track, instrument):
    return read_song(
      reader,
      catalogue,
      catalogue.tracks.index(track),
      catalogue.instruments.index(instrument),
    )

  return song


def padded(samples, seconds):
  return np.pad(samples, (0, seconds * RATE_HZ - len(samples)))


def test_mixture_and_target_are_sums_of_stems(song_of):
  stems = STEMS["quiet"]
  mixture, target = song_of("quiet", "violin")
  # Whole segments: the rest of the last one is silence.
  assert mixture.shape == target.shape == (3 * RATE_HZ,)
  assert np.abs(mixture - padded(sum(stems.values()), 3)).max() < 3 * STEP
  violins = padded(stems["violin"] + stems["violin_2"], 3)
  assert np.abs(target - violins).max() < 2 * STEP
  again, drums = song_of("quiet", "drums")
  np.testing.assert_array_equal(again, mixture)
  assert np.abs(drums - padded(stems["drums"], 3)).max() < STEP


def test_an_instrument_that_does_not_play_is_silent(song_of):
  mixture, target = song_of("quiet", "flute")
  assert mixture.any()
  assert not target.any()


def test_a_mixture_above_full_scale_is_scaled_with_its_parts(song_of):
  stems = STEMS["loud"]
  total = sum(stems.values())
  peak = np.abs(total).max()
  assert peak > 1.5
  mixture, target = song_of("loud", "drums")
  assert np.abs(mixture).max() == pytest.approx(1.0)
  assert np.abs(mixture - padded(total / peak, 2)).max() < 3 * STEP
  assert np.abs(target - padded(stems["drums"] / peak, 2)).max() < 2 * STEP
