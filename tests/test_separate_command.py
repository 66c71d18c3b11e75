"""The command: files in, files out, and nothing half done."""

import numpy as np
import pytest
import soundfile

from fewshot_mss.errors import InputError
from fewshot_mss.inference.request import Target
from fewshot_mss.inference.separator import Separator
from separating import (
  Lines,
  everything,
  noise,
  paths_of,
  read_parts,
  separate,
  write_song,
)
from tiny_archive import mask_of_ones, random_params, write_archive


@pytest.fixture(scope="module")
def model(tmp_path_factory):
  return write_archive(tmp_path_factory.mktemp("archive") / "model")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
  folder = tmp_path_factory.mktemp("clips")
  for seed, name in enumerate(("horn", "bass", "drums")):
    soundfile.write(folder / f"{name}.wav", noise(9000, 1, seed), 8000)
  return folder


@pytest.fixture(scope="module")
def example(clips):
  return str(clips / "horn.wav")


# ---- What is written.


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (44100, 2)])
def test_integer_files_sum_to_the_song_to_the_last_bit(
  model, example, tmp_path, subtype, rate_hz, channels
):
  song = write_song(tmp_path / "song.wav", subtype, rate_hz, channels)
  report = separate(song, example, model, tmp_path / "out")
  assert paths_of(report) == [
    tmp_path / "out" / "song" / "target.wav",
    tmp_path / "out" / "song" / "residual.wav",
  ]
  assert everything(tmp_path / "out") == [
    "song",
    "song/residual.wav",
    "song/target.wav",
  ]
  for path in paths_of(report):
    info = soundfile.info(path)
    assert (info.samplerate, info.channels) == (rate_hz, channels)
    assert (info.frames, info.subtype) == (2500, subtype)
  parts = read_parts(report)
  mixture = soundfile.read(song, dtype="float64", always_2d=True)[0]
  np.testing.assert_array_equal(sum(parts), mixture)
  assert all(np.abs(part).max() > 0.01 for part in parts)


def test_several_targets_and_the_residual_sum_to_the_song(
  model, clips, tmp_path
):
  song = write_song(tmp_path / "song.wav", "PCM_24")
  targets = [
    Target("horn", [str(clips / "horn.wav"), f"{song}@0:00-0:00.3"]),
    Target("bass", [str(clips / "bass.wav")]),
    Target("große Trommel", [str(clips / "drums.wav")]),
  ]
  report = separate(song, targets, model, tmp_path / "out")
  assert everything(tmp_path / "out" / "song") == [
    "bass.wav",
    "große Trommel.wav",
    "horn.wav",
    "residual.wav",
  ]
  parts = read_parts(report)
  mixture = soundfile.read(song, dtype="float64")[0]
  np.testing.assert_array_equal(sum(parts), mixture)
  # Each by itself is what one target alone would be, to a step or two.
  separator = Separator.from_pretrained(model)
  for target, part in zip(targets, parts, strict=False):
    alone = separator.separate(song, positives=target.positives).target
    fits = np.abs(part) < 0.999
    assert np.abs(part - alone)[fits].max() < 2**-21
    assert fits.mean() > 0.9


def test_float_files_sum_to_the_song(model, clips, tmp_path):
  song = tmp_path / "loud.wav"
  # 12 dB above full scale.
  soundfile.write(song, 4 * noise(2500, 2), 8000, subtype="FLOAT")
  targets = [
    Target(name, [str(clips / f"{name}.wav")]) for name in ("horn", "bass")
  ]
  report = separate(song, targets, model, tmp_path / "out")
  assert report.songs[0].warnings == []
  mixture, _ = soundfile.read(song, dtype="float64")
  horn, bass, residual = read_parts(report)
  assert {soundfile.info(path).subtype for path in paths_of(report)} == {
    "FLOAT"
  }
  # Rounded once.
  exact = mixture - (horn + bass)
  np.testing.assert_array_equal(residual, exact.astype(np.float32))
  assert np.abs(horn).max() > 1


def test_the_target_is_target_and_the_rest_is_residual(example, tmp_path):
  params = mask_of_ones(random_params())
  model = write_archive(tmp_path / "model", params)
  song = write_song(tmp_path / "song.wav")
  report = separate(song, example, model, tmp_path / "out")
  target, residual = read_parts(report, "int16")
  np.testing.assert_array_equal(target, soundfile.read(song, dtype="int16")[0])
  assert not residual.any()


def test_a_container_is_kept_with_its_tags(model, example, tmp_path):
  tagged = tmp_path / "tagged.flac"
  with soundfile.SoundFile(tagged, "w", 8000, 2, "PCM_24") as sound:
    sound.title, sound.artist = "Lied Nr. 1, für Élise", "Она"
    sound.write(noise(2500, 2))
  separate(tagged, example, model, tmp_path / "out")
  for part in ("target", "residual"):
    with soundfile.SoundFile(
      tmp_path / "out" / "tagged" / f"{part}.flac"
    ) as sound:
      assert (sound.format, sound.subtype) == ("FLAC", "PCM_24")
      assert sound.title == "Lied Nr. 1, für Élise"
      assert sound.artist == "Она"


def test_lossy_songs_become_floats_that_keep_what_is_above_full_scale(
  model, example, tmp_path
):
  song = tmp_path / "song.mp3"
  square = np.sign(noise(20_000, 1))
  soundfile.write(song, square, 8000)
  decoded, _ = soundfile.read(song, dtype="float64", always_2d=True)
  assert np.abs(decoded).max() > 1.05
  report = separate(song, example, model, tmp_path / "out")
  assert report.songs[0].plan.form == ("wav", "FLOAT")
  parts = read_parts(report)
  np.testing.assert_allclose(sum(parts), decoded, rtol=0, atol=5e-7)


@pytest.mark.parametrize("name", ["flac", "ogg", "mp3"])
def test_other_formats_are_as_long_as_the_song(model, example, tmp_path, name):
  song = write_song(tmp_path / "song.wav", samples=40_001)
  report = separate(song, example, model, tmp_path / "out", format=name)
  assert [path.name for path in paths_of(report)] == [
    f"target.{name}",
    f"residual.{name}",
  ]
  parts = read_parts(report)
  assert [part.shape for part in parts] == [(40_001, 2)] * 2
  assert all(np.abs(part).max() > 0.1 for part in parts)


def test_a_song_too_loud_for_integers_is_clipped_and_said_to_be(
  model, example, tmp_path
):
  song = tmp_path / "loud.wav"
  soundfile.write(song, np.full((2500, 1), 4.0), 8000, subtype="FLOAT")
  warned = Lines()
  report = separate(
    song, example, model, tmp_path / "out", warned, bit_depth="16"
  )
  assert report.songs[0].status == "written"
  assert [(part.min(), part.max()) for part in read_parts(report, "int16")] == [
    (32767, 32767)
  ] * 2
  (line,) = warned
  assert line.startswith(f"{song}: 2500 samples of the song were clipped")
  assert "6.0 dB" in line and "--bit_depth float" in line


# ---- Several songs.


def test_all_songs_of_a_folder_are_written(model, example, tmp_path, capfd):
  songs = tmp_path / "songs"
  for name in ("two.wav", "one.flac", ".hidden.wav"):
    write_song(songs / name)
  (songs / "cover.jpg").touch()
  report = separate(songs, example, model, tmp_path / "out")
  assert [path.parent.name for path in paths_of(report)] == [
    "one",
    "one",
    "two",
    "two",
  ]
  assert all(path.is_file() for path in paths_of(report))
  assert report.as_json()["status"] == 0
  assert capfd.readouterr() == ("", "")


def test_broken_songs_are_named_and_the_others_written(
  model, example, tmp_path
):
  folder = tmp_path / "songs"
  good = [write_song(folder / name) for name in ("a.wav", "z.wav")]
  (folder / "b.wav").write_text("no sound")
  (folder / "c.wav").touch()
  write_song(folder / "d.wav", channels=8)
  soundfile.write(folder / "e.wav", np.full(2500, np.nan), 8000, "FLOAT")
  warned = Lines()
  report = separate(folder, example, model, tmp_path / "out", warned)
  assert [one.song for one in report.songs if one.status == "written"] == good
  assert [path.name for path in report.failed] == [
    f"{name}.wav" for name in "bcde"
  ]
  said = ["cannot be read", "0 bytes", "8 channels", "NaN"]
  for line, name, part in zip(warned, "bcde", said, strict=True):
    assert f"{name}.wav" in line and part in line
  parts = [name for name in everything(tmp_path / "out") if "/" in name]
  assert parts == [
    f"{song}/{part}.wav" for song in "az" for part in ("residual", "target")
  ]
  as_json = report.as_json()
  assert as_json["status"] == 1
  assert as_json["songs"][1]["status"] == "failed"
  assert as_json["songs"][1]["error"] == warned[0]
  assert as_json["songs"][1]["outputs"] == []
  assert as_json["songs"][5]["outputs"][0] == {
    "part": "target",
    "path": str(tmp_path / "out" / "z" / "target.wav"),
    "format": "wav",
    "subtype": "PCM_16",
  }


# ---- What is there already.


def test_outputs_are_replaced_only_if_that_is_wanted(model, example, tmp_path):
  song = write_song(tmp_path / "song.wav")
  out = tmp_path / "out"
  paths = paths_of(separate(song, example, model, out))
  written = paths[0].read_bytes()
  paths[0].unlink()
  paths[1].write_bytes(b"precious")
  with pytest.raises(InputError, match=r"residual\.wav is there already"):
    separate(song, example, model, out)
  assert not paths[0].exists()
  assert paths[1].read_bytes() == b"precious"
  separate(song, example, model, out, overwrite=True)
  assert paths[0].read_bytes() == written
  assert paths[1].read_bytes() != b"precious"


def test_the_old_stays_until_the_new_is_whole(model, example, tmp_path):
  song = tmp_path / "song.wav"
  soundfile.write(song, np.full(2500, np.nan), 8000, "FLOAT")
  old = tmp_path / "out" / "song" / "target.wav"
  old.parent.mkdir(parents=True)
  old.write_bytes(b"precious")
  with pytest.raises(InputError, match="NaN"):
    separate(song, example, model, tmp_path / "out", overwrite=True)
  assert old.read_bytes() == b"precious"
  assert everything(old.parent) == ["target.wav"]


def test_leftovers_of_a_killed_run_are_removed(model, example, tmp_path):
  song = write_song(tmp_path / "song.wav")
  folder = tmp_path / "out" / "song"
  folder.mkdir(parents=True)
  for name in (".target.wav.123.writing", ".residual.flac.99.writing"):
    (folder / name).touch()
  (folder / ".mine.writing").touch()
  separate(song, example, model, tmp_path / "out")
  assert everything(folder) == [".mine.writing", "residual.wav", "target.wav"]


# ---- A dry run.


def test_a_dry_run_checks_all_and_writes_nothing(model, example, tmp_path):
  song = write_song(tmp_path / "song.wav")
  before = everything(tmp_path)
  report = separate(song, example, model, tmp_path / "out", dry_run=True)
  assert everything(tmp_path) == before
  as_json = report.as_json()
  assert as_json["dry_run"]
  assert as_json["songs"][0]["status"] == "planned"
  assert as_json["songs"][0]["outputs"][0]["path"].endswith("song/target.wav")
  with pytest.raises(InputError, match="ends at"):
    separate(song, f"{song}@0-100", model, tmp_path / "out", dry_run=True)
