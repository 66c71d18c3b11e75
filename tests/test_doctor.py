"""What `doctor` says of an installation, beside what is true of it."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jax
import pytest
import soundfile

from fewshot_mss.doctor import EXTRAS, examine, report_lines
from fewshot_mss.errors import InputError
from processes import xla_flags
from tiny_archive import write_archive

# Packages named first are not there; whether TensorFlow is imported, or any
# address asked for, is told last.
PROGRAM = """
import sys
asked = []
sys.addaudithook(
  lambda event, args: asked.append(event) if event.startswith("socket.") else 0
)
for missing in sys.argv[1].split(","):
  sys.modules[missing] = None
from fewshot_mss import cli
status = cli.main(sys.argv[2:])
print("tensorflow" in sys.modules and sys.modules["tensorflow"] is not None)
print(asked)
sys.exit(status)
"""


def run(missing, *words):
  done = subprocess.run(
    [sys.executable, "-c", PROGRAM, missing, "doctor", *words],
    capture_output=True,
    text=True,
    check=False,
    env=os.environ | {"XLA_FLAGS": xla_flags(devices=3)},
  )
  *said, imported, asked = done.stdout.splitlines()
  assert (imported, asked) == ("False", "[]")
  assert "Traceback" not in done.stderr
  return done.returncode, said, done.stderr


@pytest.fixture(scope="module")
def model(tmp_path_factory):
  return write_archive(tmp_path_factory.mktemp("archive") / "model")


def test_a_whole_installation_as_json(model):
  status, (line,), errors = run("av,gradio", "--json", f"--model={model}")
  told = json.loads(line)
  assert (status, errors, told["problems"]) == (0, "", [])
  assert told["can_separate"]
  assert told["packages"]["jax"] == jax.__version__
  assert told["libraries"]["libsndfile"] == soundfile.__libsndfile_version__
  assert told["devices"] == {"cpu": 3}
  assert {"wav", "flac", "ogg", "mp3"} <= set(told["writes"])
  assert set(told["writes"]) == set(told["reads"])  # No m4a without av.
  assert told["extras"]["mp4"] == ["av"]
  assert told["extras"]["web"] == ["gradio"]
  assert told["extras"]["train"] == []
  assert told["model"]["rate_hz"] == 8000
  assert told["model"]["conditioning"] == "examples"
  assert not told["model"]["shipped"]


def test_what_is_missing_is_told_with_what_it_is_for_and_how_to_get_it():
  status, lines, errors = run("gradio,museval")
  assert (status, errors) == (0, "")
  text = "\n".join(lines)
  assert "separate  can run here" in text
  assert (
    "[web] is not there (gradio), for `serve`, the page for the browser: pip "
    "install 'fewshot-mss[web]'"
  ) in text
  assert "(museval)" in text
  assert "[onnx] is there" in text
  assert "m4a" in text
  (model,) = (line for line in lines if line.startswith("model "))
  assert model.startswith("model     what comes with it is whole: ")


@pytest.mark.parametrize("missing", ["soxr", "tqdm"])
def test_separate_cannot_run_without_what_it_stands_on(missing):
  status, lines, errors = run(missing)
  assert status == 1
  assert "separate  cannot run" in lines
  (line,) = errors.splitlines()
  assert line.startswith("fewshot-mss: separate cannot run here: ")
  assert missing in line


def test_a_damaged_model_is_told(model, tmp_path):
  damaged = write_archive(tmp_path / "damaged")
  weights = damaged / "model.safetensors"
  weights.write_bytes(weights.read_bytes()[:-1])
  for place in (damaged, tmp_path / "none"):
    report = examine(place)
    assert not report["can_separate"]
    (problem,) = report["problems"]
    assert str(place) in problem
    assert f"          - {problem}" in report_lines(report)
  assert examine(model)["can_separate"]


def test_models_of_runs_are_at_hand(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  write_archive(Path("runs") / "mine" / "model")
  report = examine(None)
  assert report["models"] == ["runs/mine/model"]
  assert "at hand   runs/mine/model" in report_lines(report)


def test_the_hub_is_not_asked():
  with pytest.raises(InputError, match="does not ask"):
    examine(Path("hf://user/name"))


def test_all_extras_are_looked_for():
  root = Path(__file__).parents[1]
  project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
  extras = project["optional-dependencies"]
  # [test] is for who works on the project.
  assert set(EXTRAS) == set(extras) - {"test"}
  packages = importlib.metadata.packages_distributions()
  for name, (modules, _) in EXTRAS.items():
    if name in ("tpu", "cuda"):
      continue  # What is there depends on the machine.
    found = {normal(dist) for m in modules for dist in packages[m]}
    asked = {normal(re.match(r"[\w.-]+", line)[0]) for line in extras[name]}
    assert asked <= found, name


def normal(name):
  return re.sub(r"[-_.]+", "-", name).lower()
