"""The folder that anyone can make, as people make it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss.data import catalogue as catalogues
from fewshot_mss.data.builder import build
from fewshot_mss.data.layouts.stem_folder import stem_folder
from fewshot_mss.errors import InputError

REAL_STEMS = Path(__file__).parents[2] / "shared" / "data" / "mdn_multitrack"


def tone(path, *, rate_hz=8_000, channels=1, duration_s=0.5, level=0.5):
  """Writes a tone in the format of the file's ending."""
  path.parent.mkdir(parents=True, exist_ok=True)
  times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
  wave = level * np.sin(2 * np.pi * 440 * times_s)
  soundfile.write(
    path,
    np.tile(wave[:, np.newaxis], channels),
    rate_hz,
    format=path.suffix[1:],
  )
  return path


def songs(root, count, instruments=("violin", "drums")):
  for i in range(count):
    for instrument in instruments:
      tone(root / f"song {i}" / f"{instrument}.wav")
  return root


def test_names_of_files_are_instruments(tmp_path):
  song = tmp_path / "song"
  names = ["violin.wav", "violin_2.WAV", "Electric_Guitar_12.Flac",
    "French horn.ogg", "Synth_80s.mp3", "violin-3.wav"]  # fmt: skip
  for name in names:
    tone(song / name, rate_hz=44_100)
  (track,) = stem_folder(tmp_path).tracks
  assert (track.name, track.split) == ("song", "train")
  assert {stem.name: stem.instrument for stem in track.stems} == {
    "violin": "violin",
    "violin_2": "violin",
    "electric_guitar_12": "electric guitar",
    "french horn": "french horn",
    "synth_80s": "synth 80s",
    "violin-3": "violin-3",
  }
  assert {(stem.family, stem.patch) for stem in track.stems} == {
    ("unknown", "")
  }


def test_what_is_no_stem_is_passed_over(tmp_path):
  song = tmp_path / "song"
  for name in ["bass.wav", "Mixture.wav", "MIX_2.wav", "master.flac"]:
    tone(song / name)
  for name in [".bass_2.wav", "._bass.wav", "notes.txt", "bass.wav.asd"]:
    (song / name).write_text("no audio")
  (tmp_path / ".trash").mkdir()
  (tmp_path / "readme.txt").touch()
  (track,) = stem_folder(tmp_path).tracks
  assert [stem.name for stem in track.stems] == ["bass"]


def test_stems_are_read_when_asked_and_as_they_are(tmp_path):
  path = tone(tmp_path / "song" / "horn.wav", rate_hz=11_025, channels=2)
  (track,) = stem_folder(tmp_path).tracks
  tone(path, rate_hz=11_025, channels=2, level=0.25)
  samples, rate_hz = track.stems[0].read()
  assert rate_hz == 11_025
  assert samples.shape == (5_512, 2)
  assert np.abs(samples).max() == pytest.approx(0.25, abs=1e-3)


def test_links_to_folders_and_files_are_followed(tmp_path):
  path = tone(tmp_path / "elsewhere" / "take 1.wav")
  (tmp_path / "root" / "song").mkdir(parents=True)
  (tmp_path / "root" / "song" / "horn.wav").symlink_to(path)
  (tmp_path / "root" / "other").symlink_to(tmp_path / "root" / "song")
  tracks = stem_folder(tmp_path / "root").tracks
  assert [track.name for track in tracks] == ["other", "song"]
  assert tracks[0].stems[0].read()[0].shape == (4_000, 1)


def test_fewer_than_five_songs_are_all_for_training(tmp_path):
  tracks = stem_folder(songs(tmp_path, 4)).tracks
  assert [track.split for track in tracks] == ["train"] * 4


def splits(root, **kwargs):
  return {
    track.name: track.split for track in stem_folder(root, **kwargs).tracks
  }


def counts(root, **kwargs):
  found = list(splits(root, **kwargs).values())
  return tuple(found.count(name) for name in ("train", "validation", "test"))


def test_five_songs_and_more_are_split(tmp_path):
  root = songs(tmp_path, 5)
  assert counts(root) == (3, 1, 1)
  assert counts(root, validation_share=0.0) == (4, 0, 1)
  assert counts(root, validation_share=0.0, test_share=0.0) == (5, 0, 0)
  assert counts(root, validation_share=0.09, test_share=0.9) == (1, 0, 4)
  songs(root, 20)
  assert counts(root) == (14, 2, 4)


def test_the_split_is_drawn_by_the_seed_alone(tmp_path):
  root = songs(tmp_path, 12, ["violin"])
  assert splits(root) == splits(root, seed=0)
  drawn = [splits(root, seed=seed) for seed in range(4)]
  assert any(split != drawn[0] for split in drawn[1:])
  # Names in order would put neighbours, often takes of one song, together.
  assert list(drawn[0].values()) != sorted(drawn[0].values())
  assert list(drawn[0]) == sorted(drawn[0])


@pytest.mark.parametrize("shares", [(0.5, 0.5), (-0.1, 0.2), (0.2, -0.1)])
def test_shares_that_leave_no_song_are_refused(tmp_path, shares):
  validation_share, test_share = shares
  with pytest.raises(InputError, match="sum to less than 1"):
    stem_folder(
      songs(tmp_path, 1),
      validation_share=validation_share,
      test_share=test_share,
    )


def test_splits_by_hand_are_kept(tmp_path):
  for folder in ["train/a", "train/d", "valid/b", "test/c"]:
    tone(tmp_path / folder / "bass.wav")
  assert splits(tmp_path) == {
    "a": "train",
    "b": "validation",
    "c": "test",
    "d": "train",
  }
  (tmp_path / "valid").rename(tmp_path / "Validation")
  assert splits(tmp_path)["b"] == "validation"


def test_a_song_belongs_to_one_split(tmp_path):
  tone(tmp_path / "train" / "a" / "bass.wav")
  tone(tmp_path / "test" / "a" / "bass.wav")
  with pytest.raises(InputError, match=r"test/a and .*train/a have one name"):
    stem_folder(tmp_path)


def test_an_empty_split_is_named(tmp_path):
  tone(tmp_path / "train" / "a" / "bass.wav")
  (tmp_path / "test").mkdir()
  with pytest.raises(InputError, match=r"no song folder in .*/test"):
    stem_folder(tmp_path)


def test_unseen_is_named_as_a_person_writes_it(tmp_path):
  songs(tmp_path, 1, ["violin_1", "Electric_Guitar"])
  for name in ["Electric_Guitar", "electric guitar"]:
    assert stem_folder(tmp_path, unseen=[name]).unseen == ("electric guitar",)


def test_unseen_instruments_must_be_there_and_leave_some(tmp_path):
  root = songs(tmp_path, 1, ["violin", "drums"])
  with pytest.raises(InputError, match=r"'horn'.*there are drums, violin"):
    stem_folder(root, unseen=["violin", "horn"])
  with pytest.raises(InputError, match=r"\(drums, violin\).*is unseen"):
    stem_folder(root, unseen=["violin", "drums"])
  assert stem_folder(root, unseen=["drums"]).unseen == ("drums",)


def test_unseen_must_leave_something_in_the_training_songs(tmp_path):
  tone(tmp_path / "train" / "a" / "bass.wav")
  tone(tmp_path / "test" / "b" / "horn.wav")
  with pytest.raises(InputError, match=r"\(bass\) is unseen"):
    stem_folder(tmp_path, unseen=["bass"])
  assert stem_folder(tmp_path, unseen=["horn"]).unseen == ("horn",)


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
