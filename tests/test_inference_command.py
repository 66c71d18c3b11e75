"""The command: files in, files out, and nothing half done."""

import numpy as np
import pytest
import soundfile

from fewshot_mss.errors import InputError
from fewshot_mss.inference.command import in_steps, separate_command
from tiny_archive import mask_of_ones, random_params, write_archive


@pytest.fixture(scope="module")
def model(tmp_path_factory):
  return write_archive(tmp_path_factory.mktemp("archive") / "model")


@pytest.fixture(scope="module")
def example(tmp_path_factory):
  path = tmp_path_factory.mktemp("clips") / "horn.wav"
  soundfile.write(path, noise(9000, 1), 8000)
  return str(path)


def noise(samples, channels, seed=0):
  rng = np.random.default_rng(seed)
  return rng.uniform(-1, 1, (samples, channels)).astype(np.float32)


def write_song(path, subtype="PCM_16", rate_hz=8000, channels=2, samples=2500):
  path.parent.mkdir(exist_ok=True)
  soundfile.write(path, noise(samples, channels), rate_hz, subtype=subtype)
  return path


def everything(folder):
  return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (44100, 2)])
def test_integer_files_sum_to_the_song_to_the_last_bit(
  model, example, tmp_path, subtype, rate_hz, channels
):
  song = write_song(tmp_path / "song.wav", subtype, rate_hz, channels)
  paths = separate_command(
    [song], [example], [], model, tmp_path / "out", progress=False
  )
  assert paths == [
    tmp_path / "out" / "song" / "target.wav",
    tmp_path / "out" / "song" / "residual.wav",
  ]
  assert everything(tmp_path / "out") == [
    "song",
    "song/residual.wav",
    "song/target.wav",
  ]
  parts = []
  for path in paths:
    info = soundfile.info(path)
    assert (info.samplerate, info.channels) == (rate_hz, channels)
    assert (info.frames, info.subtype) == (2500, subtype)
    parts.append(soundfile.read(path, dtype="float64")[0])
  mixture = soundfile.read(song, dtype="float64")[0]
  np.testing.assert_array_equal(sum(parts), mixture)
  assert all(np.abs(part).max() > 0.01 for part in parts)


def test_float_files_sum_to_the_song(model, example, tmp_path):
  song = tmp_path / "loud.wav"
  # 12 dB above full scale.
  soundfile.write(song, 4 * noise(2500, 2), 8000, subtype="FLOAT")
  paths = separate_command(
    [song], [example], [], model, tmp_path / "out", progress=False
  )
  mixture, _ = soundfile.read(song, dtype="float32")
  target, residual = (
    soundfile.read(path, dtype="float32")[0] for path in paths
  )
  assert {soundfile.info(path).subtype for path in paths} == {"FLOAT"}
  np.testing.assert_array_equal(residual, mixture - target)
  assert np.abs(target).max() > 1


def test_flac_keeps_its_precision(model, example, tmp_path):
  song = write_song(tmp_path / "song.flac", "PCM_24")
  paths = separate_command(
    [song], [example], [], model, tmp_path / "out", progress=False
  )
  assert [soundfile.info(path).subtype for path in paths] == ["PCM_24"] * 2


def test_all_songs_are_written_and_the_bar_names_them(
  model, example, tmp_path, capsys
):
  songs = [write_song(tmp_path / f"{name}.wav") for name in ("one", "two")]
  paths = separate_command(songs, [example], [], model, tmp_path / "out")
  assert [path.parent.name for path in paths] == ["one", "one", "two", "two"]
  assert all(path.is_file() for path in paths)
  bars = capsys.readouterr().err
  assert "one.wav: 100%" in bars
  assert "two.wav: 100%" in bars
  # 2500 samples are 4 patches of 1024 that share half, in 2 channels.
  assert "8/8" in bars


def test_no_bar_where_none_is_wanted(model, example, tmp_path, capsys):
  song = write_song(tmp_path / "song.wav")
  separate_command(
    [song], [example], [], model, tmp_path / "out", progress=False
  )
  assert capsys.readouterr().err == ""


def test_the_target_is_target_and_the_rest_is_residual(example, tmp_path):
  params = mask_of_ones(random_params())
  model = write_archive(tmp_path / "model", params)
  song = write_song(tmp_path / "song.wav")
  target, residual = separate_command(
    [song], [example], [], model, tmp_path / "out", progress=False
  )
  mixture, _ = soundfile.read(song, dtype="int16")
  np.testing.assert_array_equal(
    soundfile.read(target, dtype="int16")[0], mixture
  )
  assert not soundfile.read(residual, dtype="int16")[0].any()


def test_outputs_are_replaced_only_if_that_is_wanted(model, example, tmp_path):
  song = write_song(tmp_path / "song.wav")
  out = tmp_path / "out"
  paths = separate_command([song], [example], [], model, out, progress=False)
  written = paths[0].read_bytes()
  paths[0].unlink()
  paths[1].write_bytes(b"precious")
  with pytest.raises(InputError, match=r"residual\.wav is there already"):
    separate_command([song], [example], [], model, out, progress=False)
  assert not paths[0].exists()
  assert paths[1].read_bytes() == b"precious"
  separate_command(
    [song], [example], [], model, out, overwrite=True, progress=False
  )
  assert paths[0].read_bytes() == written
  assert paths[1].read_bytes() != b"precious"


def refused(message, tmp_path, songs, positives, model, **more):
  before = everything(tmp_path)
  with pytest.raises(InputError, match=message) as caught:
    separate_command(
      songs,
      positives,
      more.pop("negatives", []),
      model,
      more.pop("output", tmp_path / "out"),
      progress=False,
      **more,
    )
  assert "\n" not in str(caught.value)
  assert everything(tmp_path) == before


def test_bad_input_is_named_and_nothing_written(model, example, tmp_path):
  good = write_song(tmp_path / "good.wav")
  surround = write_song(tmp_path / "surround.wav", channels=6)
  (tmp_path / "text.wav").write_text("no sound")
  clips = [example]
  refused("no song to separate", tmp_path, [], clips, model)
  for song, message in (
    (tmp_path / "absent.wav", r"absent\.wav"),
    (tmp_path / "text.wav", r"text\.wav cannot be read"),
    (surround, r"surround\.wav has 6 channels"),
  ):
    refused(message, tmp_path, [good, song], clips, model)
  refused("no positive example", tmp_path, [good], [], model)
  refused("absent", tmp_path, [good], [example, "absent.wav"], model)
  refused("time range", tmp_path, [good], [f"{good}@2-x"], model)
  refused("ends at", tmp_path, [good], [f"{good}@0-100"], model)
  refused("takes no negative", tmp_path, [good], clips, model, negatives=clips)
  refused("by examples", tmp_path, [good], clips, model, instrument="horn")
  refused("cannot be read", tmp_path, [good], clips, tmp_path / "no_model")


def test_an_output_that_cannot_be_written_is_named_first(
  model, example, tmp_path
):
  song = write_song(tmp_path / "song.wav")
  (tmp_path / "file").write_text("in the way")
  # The model is not there either, but the output is looked at before.
  for output in (tmp_path / "file", tmp_path / "file" / "below"):
    refused(
      "cannot be written",
      tmp_path,
      [song],
      [example],
      tmp_path / "absent",
      output=output,
    )


def test_songs_of_the_same_name_are_refused(model, example, tmp_path):
  songs = [
    write_song(tmp_path / "a" / "song.wav"),
    write_song(tmp_path / "b" / "song.flac"),
  ]
  refused("would both be written to", tmp_path, songs, [example], model)


def test_a_song_that_turns_out_broken_leaves_nothing(model, example, tmp_path):
  song = tmp_path / "song.wav"
  soundfile.write(song, np.full((2500, 1), np.nan), 8000, subtype="FLOAT")
  refused("song.wav holds NaN", tmp_path, [song], [example], model)
  # Nor what could be separated before it.
  good = write_song(tmp_path / "good.wav")
  refused("song.wav holds NaN", tmp_path, [good, song], [example], model)


def test_a_folder_in_the_place_of_an_output_is_named(model, example, tmp_path):
  song = write_song(tmp_path / "song.wav")
  (tmp_path / "out" / "song" / "residual.wav").mkdir(parents=True)
  refused(
    r"residual\.wav is a folder",
    tmp_path,
    [song],
    [example],
    tmp_path / "absent",
    overwrite=True,
  )


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_what_a_part_cannot_hold_moves_to_the_other(bits):
  scale = 2 ** (bits - 1)
  rng = np.random.default_rng(0)
  steps = rng.integers(-scale, scale, (10000, 1))
  mixture = (steps / scale).astype(np.float32)
  wanted = rng.uniform(-3, 3, (10000, 1)).astype(np.float32)
  parts = in_steps(wanted, mixture, bits)
  target, residual = (part.astype(np.float64) * scale for part in parts)
  for part in (target, residual):
    np.testing.assert_array_equal(part, np.rint(part))
    assert part.min() == -scale
    assert part.max() == scale - 1
  np.testing.assert_array_equal(target + residual, steps)
  # Where both fit, the target is moved by no more than its rounding.
  rest = mixture - wanted
  fits = np.maximum(abs(wanted), abs(rest)) < 1 - 1 / scale
  assert fits.sum() > 1000
  assert np.abs(target / scale - wanted)[fits].max() <= 0.5001 / scale


def test_sound_above_full_scale_fits_into_two_parts():
  # As a lossy file decodes: 1.5 is split into two parts that fit.
  mixture = np.full((1, 1), 1.5, np.float32)
  for wanted, target in ((0.0, 0.5), (0.75, 0.75), (1.5, 1.0)):
    parts = in_steps(np.full((1, 1), wanted, np.float32), mixture, 16)
    assert abs(parts[0][0, 0] - target) <= 2**-15
    assert sum(parts)[0, 0] == 1.5
