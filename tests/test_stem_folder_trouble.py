"""Folders of stems that cannot be used as they are; what is built of them."""

from pathlib import Path

import numpy as np
import pytest

from fewshot_mss.data import catalogue as catalogues
from fewshot_mss.data.builder import build
from fewshot_mss.data.layouts.stem_folder import stem_folder
from fewshot_mss.errors import InputError
from stem_files import songs, tone

REAL_STEMS = Path(__file__).parents[2] / "shared" / "data" / "mdn_multitrack"


def test_missing_or_empty_folders_are_named(tmp_path):
  with pytest.raises(InputError, match=r"/gone cannot be read .*No such file"):
    stem_folder(tmp_path / "gone")
  tone(tmp_path / "loose" / "bass.wav")
  with pytest.raises(InputError, match=r"no song folder in .*ROOT/<song>/"):
    stem_folder(tmp_path / "loose")
  with pytest.raises(InputError, match=r"bass\.wav cannot be read .*directory"):
    stem_folder(tmp_path / "loose" / "bass.wav")


def test_a_song_without_stems_is_named_even_among_others(tmp_path):
  songs(tmp_path, 2)
  tone(tmp_path / "song x" / "mix.wav")
  (tmp_path / "song x" / "notes.txt").touch()
  with pytest.raises(InputError, match=r"no usable stem in .*song x: .*ROOT/"):
    stem_folder(tmp_path)


@pytest.mark.parametrize("again", ["bass.flac", "BASS.wav"])
def test_one_stem_twice_is_named(tmp_path, again):
  tone(tmp_path / "song" / "bass.wav")
  tone(tmp_path / "song" / again)
  with pytest.raises(InputError, match=r"is there twice.*remove one"):
    stem_folder(tmp_path)


@pytest.mark.parametrize(
  ("name", "content", "reason"),
  [
    ("bass.wav", b"no audio", "cannot be read as audio"),
    ("bass.mp3", b"", "is empty"),
  ],
)
def test_a_stem_that_is_no_audio_does_not_stop_the_others(
  tmp_path, name, content, reason
):
  songs(tmp_path, 1)
  path = tmp_path / "song 0" / name
  path.write_bytes(content)
  (track,) = stem_folder(tmp_path).tracks
  stems = {stem.name: stem for stem in track.stems}
  assert stems["bass"].files == (path,)
  with pytest.raises(InputError, match=reason) as raised:
    stems["bass"].read()
  assert str(path) in str(raised.value)
  assert len(stems["violin"].read()[0]) == 4_000


def test_a_file_without_an_instrument_is_named(tmp_path):
  songs(tmp_path, 1)
  path = tone(tmp_path / "song 0" / "_2.wav")
  with pytest.raises(InputError, match=r"song 0/_2\.wav names no instrument"):
    stem_folder(path.parents[1])


def test_the_mixture_beside_the_stems_is_for_checks(tmp_path):
  song = tmp_path / "song"
  tone(song / "bass.wav")
  assert stem_folder(tmp_path).tracks[0].mixture is None
  tone(song / "mix_2.wav", level=0.125)
  assert stem_folder(tmp_path).tracks[0].mixture is None
  for name, level in [("Master.FLAC", 0.25), ("mix.ogg", 0.5),
    ("mixture.wav", 0.75)]:  # fmt: skip
    tone(song / name, level=level)
    samples, rate_hz = stem_folder(tmp_path).tracks[0].mixture()
    assert rate_hz == 8_000
    assert np.abs(samples).max() == pytest.approx(level, abs=0.05)


@pytest.fixture(scope="module")
def mixed_root(tmp_path_factory):
  """Two songs, stems of any rate, channels, length and format."""
  root = tmp_path_factory.mktemp("songs") / "mine"
  tone(root / "a" / "violin.wav", rate_hz=8_000, duration_s=2.6)
  tone(root / "a" / "violin_2.flac", rate_hz=22_050, duration_s=1.0)
  tone(root / "a" / "drums.ogg", rate_hz=48_000, channels=2, duration_s=2.0)
  tone(root / "b" / "drums.mp3", rate_hz=44_100, channels=2, duration_s=2.0)
  tone(root / "b" / "mixture.wav", duration_s=9.0)
  return root


def test_a_dataset_is_built_of_it(tmp_path, mixed_root):
  output = build(
    stem_folder(mixed_root, unseen=["violin"]),
    tmp_path / "out",
    sample_rate_hz=8_000,
    segment_s=1.0,
    progress=False,
  )
  catalogue = catalogues.load_catalogue(output)
  lengths_s = {
    name: int(np.sum(catalogue.stem == i))
    for i, name in enumerate(catalogue.stems)
  }
  # The third second of a violin is 0.6 s of sound, padded.
  assert lengths_s == {
    "a/drums": 2,
    "a/violin": 3,
    "a/violin_2": 1,
    "b/drums": 2,
  }
  assert catalogue.instruments == ("drums", "violin")
  assert catalogue.seen.tolist() == [True, False]
  assert catalogue.provenance == ("stem folder mine",)
  # A sine of peak 0.5, whole or 0.6 s of a second.
  whole = catalogue.rms_db[catalogue.start_samples < 16_000]
  np.testing.assert_allclose(whole, -9.03, atol=0.3)
  padded = catalogue.rms_db[catalogue.start_samples == 16_000]
  np.testing.assert_allclose(padded, -9.03 + 10 * np.log10(0.6), atol=0.1)


def test_real_stems(tmp_path):
  if not REAL_STEMS.is_dir():
    pytest.skip("no shared data")
  song = tmp_path / "song"
  song.mkdir()
  for path in REAL_STEMS.glob("*.mp3"):
    (song / path.name).symlink_to(path)
  (track,) = stem_folder(tmp_path).tracks
  assert [stem.instrument for stem in track.stems] == [
    "bassguitar", "clav", "drums", "horns", "leadguitar",
  ]  # fmt: skip
  lengths_s, peaks = {}, {}
  for stem in track.stems:
    samples, rate_hz = stem.read()
    assert (rate_hz, samples.shape[1]) == (44_100, 2)
    lengths_s[stem.name] = len(samples) / rate_hz
    peaks[stem.name] = np.abs(samples).max()
  assert lengths_s.pop("bassguitar") == pytest.approx(80.30, abs=0.03)
  np.testing.assert_allclose(list(lengths_s.values()), 83.25, atol=0.03)
  assert min(peaks["clav"], peaks["drums"], peaks["horns"]) > 1
