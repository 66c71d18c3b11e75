"""`separate` as a person types it, and one line for bad input."""

import numpy as np
import pytest
import soundfile

from cli_files import tone
from fewshot_mss import cli
from tiny_archive import write_archive


@pytest.fixture
def separate(tmp_path):
  """Returns words that would do, which a test changes."""
  write_archive(tmp_path / "model")
  soundfile.write(tmp_path / "song.wav", tone(1), 8000)
  soundfile.write(tmp_path / "horn.wav", tone(1), 8000)

  def words(positive="horn.wav", song="song.wav", model="model", output="out"):
    return ["separate", song, "-p", positive, "-m", model, "-o", output]

  return words


def test_a_song_is_separated(separate, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  assert cli.main(separate(positive="song.wav@0:00-0:00.5")) == 0
  parts = [
    soundfile.read(tmp_path / "out" / "song" / f"{part}.wav", dtype="int16")[0]
    for part in ("target", "residual")
  ]
  song, _ = soundfile.read(tmp_path / "song.wav", dtype="int16")
  np.testing.assert_array_equal(sum(parts), song)


def test_examples_that_show_nothing_are_refused(
  refused_at_once, separate, tmp_path
):
  nan = tone(1)
  nan[5] = np.nan
  soundfile.write(tmp_path / "nan.wav", nan, 8000, subtype="FLOAT")
  soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 8000)
  soundfile.write(tmp_path / "short.wav", tone(0.005), 8000)
  soundfile.write(tmp_path / "none.wav", np.zeros(0), 8000)
  (tmp_path / "empty.wav").write_bytes(b"")
  (tmp_path / "text.wav").write_text("no sound")
  (tmp_path / "folder.wav").mkdir()
  for name in ("absent", "nan", "silent", "short", "none", "empty", "text"):
    refused_at_once(separate(positive=f"{name}.wav"), f"{name}.wav")
  refused_at_once(separate(positive="folder.wav"), "folder.wav")
  for part in ("0:02-0:01", "5-6", "x-1", "0.5", "0-9"):
    refused_at_once(separate(positive=f"horn.wav@{part}"), "horn.wav@")


def test_songs_models_and_outputs_are_refused(
  refused_at_once, separate, tmp_path
):
  refused_at_once(separate(song="absent.wav"), "absent.wav")
  refused_at_once(separate(model="absent"), "absent/config.json")
  refused_at_once([*separate(), "--instrument=horn"], "example")
  (tmp_path / "file").write_text("in the way")
  for output in ("file", "file/below"):
    refused_at_once(separate(output=output), "file")
  (tmp_path / "out" / "song").mkdir(parents=True)
  (tmp_path / "out" / "song" / "target.wav").write_text("mine")
  refused_at_once(separate(), "out/song/target.wav", "--overwrite")
