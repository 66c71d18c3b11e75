"""The parts of a song: all get their names, or none, and no folder is left."""

from pathlib import Path

import numpy as np
import pytest

from fewshot_mss.audio.blocks import AudioInfo
from fewshot_mss.audio.formats import Form
from fewshot_mss.audio.output_folders import WriteError
from fewshot_mss.inference.outputs import plan_song
from fewshot_mss.inference.song_writer import SongWriter
from fewshot_mss.inference.stream import Block
from separating import everything

MIXTURE = np.full((800, 1), 0.5, np.float32)
BLOCK = Block(MIXTURE, MIXTURE[None] / 4)


@pytest.fixture
def plan(tmp_path):
  info = AudioInfo(8000, 1, 800, "PCM_16", "WAV")
  parts = ["target", "residual"]
  out = tmp_path / "new" / "out"
  return plan_song(Path("song.wav"), info, out, parts, Form("wav", "PCM_16"))


def test_what_another_run_wrote_in_the_meantime_stays(plan):
  with (
    pytest.raises(WriteError, match=r"residual\.wav has been written by anoth"),
    SongWriter(plan, overwrite=False) as writer,
  ):
    writer.write(BLOCK)
    plan.paths[1].write_text("precious")
    writer.publish()
  assert everything(plan.folder) == ["residual.wav"]
  assert plan.paths[1].read_text() == "precious"
  with SongWriter(plan, overwrite=True) as writer:
    writer.write(BLOCK)
    writer.publish()
  assert everything(plan.folder) == ["residual.wav", "target.wav"]
  assert plan.paths[1].stat().st_size > 1600


def test_a_song_that_is_given_up_leaves_no_folder(plan, tmp_path):
  with SongWriter(plan, overwrite=False) as writer:
    writer.write(BLOCK)
  assert everything(tmp_path) == []
  # Folders that were there before stay, empty as they are.
  plan.folder.mkdir(parents=True)
  with SongWriter(plan, overwrite=False):
    pass
  assert everything(tmp_path) == ["new", "new/out", "new/out/song"]


def test_a_folder_that_cannot_be_made_fails_the_song(plan):
  # As on some full disks: words that were right are no wrong words.
  nowhere = Path("/proc/none")
  paths = tuple(nowhere / path.name for path in plan.paths)
  with pytest.raises(WriteError, match="none cannot be written"):
    SongWriter(plan._replace(paths=paths), overwrite=False)
