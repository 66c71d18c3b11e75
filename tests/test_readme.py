"""Every block of README.md runs, in order, as a newcomer would run it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss.inference.separator import Separator

ROOT = Path(__file__).parent.parent
RATE_HZ = 8000


def blocks(language):
  text = (ROOT / "README.md").read_text(encoding="utf-8")
  return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def write_songs(folder):
  """Six songs of two instruments: a steady tone and bursts of noise."""
  rng = np.random.default_rng(0)
  time_s = np.arange(8 * RATE_HZ) / RATE_HZ
  for song in range(6):
    (folder / f"song_{song}").mkdir(parents=True)
    tone = 0.2 * np.sin(2 * np.pi * 110 * (song + 2) * time_s)
    bursts = 0.1 * rng.standard_normal(len(time_s)) * (time_s % 0.5 < 0.1)
    soundfile.write(folder / f"song_{song}" / "bass.wav", tone, RATE_HZ)
    soundfile.write(folder / f"song_{song}" / "drums.flac", bursts, RATE_HZ)
  return tone + bursts


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
  """A folder like a clone, with the newcomer's songs in it."""
  folder = tmp_path_factory.mktemp("clone")
  for name in ("configs", "launch"):
    shutil.copytree(ROOT / name, folder / name)
  for name in ("Makefile", "pyproject.toml", "constraints.txt"):
    shutil.copy(ROOT / name, folder)
  soundfile.write(
    folder / "song.wav", write_songs(folder / "my_songs"), RATE_HZ
  )
  return folder


def run(command, folder):
  environment = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "XLA_FLAGS": "",
  }
  return subprocess.run(
    command, cwd=folder, env=environment, capture_output=True, text=True
  )


def test_all_blocks_run_in_order(clone):
  script = "set -euo pipefail\n" + "\n".join(blocks("bash"))
  # This very test is part of `make test`, and the demo takes ten minutes: of
  # these it is checked that make knows what to do. The training is the
  # smallest one instead of the demo's.
  script = re.sub(r"(?m)^make ", "make --dry-run ", script)
  script = script.replace("configs/demo.py", "configs/tiny.py")
  # A server does not end by itself: test_web_server.py starts and ends it.
  script = script.replace("fewshot-mss serve", "fewshot-mss serve --help")
  # One test song has no other one to take examples from.
  script = script.replace(
    "configs/ablation.py",
    "configs/ablation.py --config.ablation.reference.origin='same song' "
    "--config.ablation.max_items=2 --config.ablation.crossed='()'",
  )
  done = run(["bash", "-c", script], clone)
  assert done.returncode == 0, done.stderr
  song, rate_hz = soundfile.read(clone / "song.wav", dtype="int16")
  parts = [
    soundfile.read(clone / "separated" / "song" / f"{part}.wav", dtype="int16")
    for part in ("target", "residual")
  ]
  assert [rate for _, rate in parts] == [rate_hz, rate_hz]
  np.testing.assert_array_equal(parts[0][0] + parts[1][0], song)
  assert (clone / "shown" / "episode.png").exists()
  assert (clone / "stats.png").exists()
  assert (clone / "runs" / "mine" / "ablation" / "report.md").exists()
  assert (clone / "runs" / "compared" / "compare.png").exists()

  check_exports(clone, song.astype(np.float32) / 2**15)
  for block in blocks("python"):
    code = block
    if "tensorflow" not in block:
      # Nothing else needs it.
      code = "import sys\nsys.modules['tensorflow'] = None\n" + block
    done = run([sys.executable, "-c", code], clone)
    assert done.returncode == 0, done.stderr


def check_exports(clone, song):
  """What was trained and exported gives the sound of the model itself."""
  separator = Separator.from_pretrained(clone / "runs" / "mine" / "model")
  asked = separator.condition(positives=[song], rate_hz=RATE_HZ)
  expected = separator.separate_with(song, asked, rate_hz=RATE_HZ).target
  assert np.abs(expected).max() > 0.01
  onnx, _ = soundfile.read(
    clone / "exported" / "separated" / "song" / "target.wav", dtype="float32"
  )
  np.testing.assert_allclose(onnx, expected[:, 0], atol=1e-4)

  folder = clone / "exported" / "stablehlo"
  config = json.loads((folder / "config.json").read_text("utf-8"))
  patch = config["functions"]["mixture_samples"]
  np.savez(
    clone / "jobs.npz",
    **{
      "stablehlo/condition": asked,
      "stablehlo/conditions": np.stack([[asked]] * 2),
      "mixtures": np.stack([song[:patch]] * 2),
      "song/own": song[None],
    },
  )
  reader = ROOT / "tests" / "stablehlo_reader.py"
  run([sys.executable, reader, "jobs.npz", "answers.npz", folder], clone)
  found = np.load(clone / "answers.npz")["stablehlo/song/own"]
  np.testing.assert_allclose(found[0], expected[:, 0], atol=1e-5)


def test_pictures_exist():
  text = (ROOT / "README.md").read_text(encoding="utf-8")
  pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
  assert pictures
  assert [p for p in pictures if not (ROOT / p).is_file()] == []


def test_links_lead_somewhere():
  text = (ROOT / "README.md").read_text(encoding="utf-8")
  links = re.findall(r"(?<!!)\[[^]]*\]\(([^)#]+)\)", text)
  local = [link for link in links if not link.startswith("http")]
  assert [link for link in local if not (ROOT / link).exists()] == []
