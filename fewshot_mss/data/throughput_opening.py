"""How long a large dataset takes to be opened, by one that is made up."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from fewshot_mss.data.catalogue import SPLITS, TRAIN, Catalogue, save_catalogue
from fewshot_mss.data.records import record_files
from fewshot_mss.data.synth.made_up_catalogue import made_up_catalogue
from fewshot_mss.data.throughput_table import Row, described
from fewshot_mss.data.throughput_worker import BATCH
from fewshot_mss.errors import RunError


def link_made_up(
  directory: Path, folder: Path, catalogue: Catalogue, segments: int
) -> int:
  """Prepares a folder whose files are those of another one, many times.

  Args:
    directory: The other one.
    folder: To write into.
    catalogue: Of the other one.
    segments: How many rows to make up.

  Returns:
    How many rows there are: whole files' worth.
  """
  made_up = made_up_catalogue(
    segments,
    sample_rate_hz=catalogue.sample_rate_hz,
    segment_s=catalogue.segment_samples / catalogue.sample_rate_hz,
  )
  files = record_files(directory, TRAIN)
  held = int(np.sum(catalogue.split == TRAIN))
  kept = np.zeros(len(made_up), np.bool_)
  for i, split in enumerate(SPLITS):
    rows = made_up.split == i
    times = int(rows.sum()) // held
    kept |= rows & (made_up.record < times * held)
    count = times * len(files)
    for number in range(count):
      file = files[number % len(files)]
      name = f"stem_dataset-{split}.array_record-{number:05d}-of-{count:05d}"
      (folder / name).symlink_to(file.resolve())
  save_catalogue(_rows_of(made_up, kept), folder)
  return int(kept.sum())


def _rows_of(catalogue: Catalogue, kept: Bool[np.ndarray, " N"]) -> Catalogue:
  columns = {
    name: value[kept]
    for name, value in vars(catalogue).items()
    if isinstance(value, np.ndarray) and len(value) == len(kept)
  }
  return catalogue.__class__(
    **{
      name: columns.get(name, getattr(catalogue, name))
      for name in catalogue.__dataclass_fields__
    }
  )


def open_once(folder: Path) -> dict[str, Any]:
  """Opens a folder in a process of its own and returns what that took."""
  code = (
    "import sys; from fewshot_mss.data import throughput_worker as w; "
    f"w.open_once({str(folder)!r}, float(sys.argv[1]))"
  )
  done = subprocess.run(
    [sys.executable, "-c", code, str(time.time())],
    stdout=subprocess.PIPE,
    text=True,
    check=False,
  )
  if done.returncode:
    raise RunError("a measuring process has failed: see its message above")
  return json.loads(done.stdout.splitlines()[-1])


def opened_rows(opened: dict[str, Any], segments: int) -> list[Row]:
  """Returns the lines for what `open_once` returned."""
  name = f"made-up catalogue of {segments:,} segments"
  return [
    Row(
      f"{name}: opened",
      f"{opened['open_s']:.2f} s",
      "<= 5 s",
      f"and {opened['ready_s'] - opened['open_s']:.2f} s until the first draw",
    ),
    Row(
      "its resident memory",
      f"{opened['resident_mib'] * 2**20 / 1e6:.0f} MB",
      "<= 500 MB",
      "opened and drawn from",
    ),
    Row(
      "drawing an episode from it",
      f"{1e3 * np.median(opened['draw_s']):.3f} ms",
      "<= 0.3 ms",
      described(
        1e3 * np.array(opened["draw_s"]), "ms", digits=3, percents=(5, 95)
      ),
    ),
    Row(
      "its first batch",
      f"{opened['first_batch_s']:.2f} s",
      "<= 10 s",
      f"of {BATCH} episodes, from the start of a process",
    ),
  ]
