"""What an installation without extras says of the verbs that need them."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
sys.modules[sys.argv[1]] = None
from fewshot_mss import cli
sys.exit(cli.main(sys.argv[2:]))
"""


def run(missing, *words):
  return subprocess.run(
    [sys.executable, "-c", PROGRAM, missing, *words],
    capture_output=True,
    text=True,
    check=False,
  )


@pytest.mark.parametrize("missing", ["tensorflow_datasets", "mido"])
def test_the_extra_of_a_missing_package_is_named(missing, tmp_path):
  done = run(
    missing, "data", "build", "--layout=rendered", f"--output={tmp_path / 'd'}"
  )
  extra = "render" if missing == "mido" else "train"
  assert done.returncode == 2
  assert done.stderr == (
    f"fewshot-mss: {missing} is not installed: pip install "
    f"'fewshot-mss[{extra}]', or [train,render,plot] for all\n"
  )
  assert not list(tmp_path.iterdir())


def test_the_extra_of_the_page_is_named_before_a_model_is_loaded(tmp_path):
  for missing in ("gradio", "matplotlib"):
    done = run(missing, "serve", f"--model={tmp_path / 'none'}", "--port=0")
    assert done.returncode == 2
    assert f"{missing} is not installed: pip install" in done.stderr
    assert "fewshot-mss[web]" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_no_extra_brings_is_an_error_of_the_installation(tmp_path):
  done = run("soxr", "separate", "song.wav", "-m=m", f"-o={tmp_path}")
  assert done.returncode == 1
  assert "soxr" in done.stderr and "not installed" not in done.stderr
