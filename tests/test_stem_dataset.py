"""What TensorFlow Datasets sees, and builds that are killed: real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from fewshot_mss.data import shards as shards_module
from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import SPLITS, load_catalogue
from fewshot_mss.data.layouts.datasets import read_layout
from fewshot_mss.data.layouts.stem_folder import stem_folder
from fewshot_mss.data.records import RecordReader
from processes import assert_they_end, wait_until

NUM_SONGS = 12
RATE_HZ = 8000


def write_songs(root):
  rng = np.random.default_rng(0)
  for i in range(NUM_SONGS):
    song = root / f"song {i:02d}"
    song.mkdir(parents=True)
    for name in ("violin", "drums"):
      samples = rng.uniform(-0.5, 0.5, 2 * RATE_HZ)
      soundfile.write(song / f"{name}.wav", samples, RATE_HZ)
  return root


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
  return write_songs(tmp_path_factory.mktemp("songs"))


@pytest.fixture(scope="module")
def undisturbed(songs, tmp_path_factory):
  return build(
    stem_folder(songs),
    tmp_path_factory.mktemp("undisturbed") / "out",
    sample_rate_hz=RATE_HZ,
    segment_s=1.0,
    beam_words=("direct_num_workers=1",),
    progress=False,
  )


def contents(folder):
  return {
    path.relative_to(folder): path.read_bytes()
    for path in folder.rglob("*")
    if path.is_file()
  }


# Where a script starts a suite in the background, interrupts are ignored.
PROGRAM = (
  "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
  "from fewshot_mss import cli; cli.run_program()"
)


def command(songs, output):
  return [
    *(sys.executable, "-c", PROGRAM, "data", "build", str(songs)),
    *(f"--output={output}", f"--sample_rate_hz={RATE_HZ}", "--segment_s=1"),
    "--beam_options=direct_num_workers=2",
  ]


def children(pid):
  found = []
  for stat in Path("/proc").glob("[0-9]*/stat"):
    try:
      fields = stat.read_text().rpartition(")")[2].split()
    except OSError:
      continue
    if fields[1] == str(pid):
      found.append(int(stat.parent.name))
  return found


def kill_when(process, holds):
  """Kills a process as soon as something holds; returns its children then."""
  deadline_s = time.monotonic() + 120
  while not holds():
    assert process.poll() is None, process.stderr.read()
    assert time.monotonic() < deadline_s
  there = children(process.pid)
  process.send_signal(signal.SIGKILL)
  process.wait()
  return there


@pytest.mark.parametrize("num_cut", [1, 5, NUM_SONGS])
def test_a_build_that_is_killed_goes_on_and_ends_with_the_same_bytes(
  songs, undisturbed, tmp_path, num_cut
):
  output = tmp_path / "out"
  working = tmp_path / "out.building"
  process = subprocess.Popen(command(songs, output), stderr=subprocess.PIPE)
  with process:
    workers = kill_when(
      process, lambda: len(list(working.glob("*/*.safetensors"))) >= num_cut
    )
  assert not output.exists()
  # None goes on alone.
  assert_they_end(*workers)
  cut = {p: p.stat().st_mtime_ns for p in working.glob("*/*.safetensors")}
  assert len(cut) >= num_cut
  process = subprocess.Popen(
    command(songs, output), stderr=subprocess.PIPE, text=True
  )
  with process:
    _, said = process.communicate()
  assert process.returncode == 0, said
  if len(cut) < NUM_SONGS:
    # The bar began where the work had been.
    assert f"{len(cut)}/{NUM_SONGS}" in said
  assert contents(output) == contents(undisturbed)
  assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_an_interrupted_build_says_so_and_keeps_its_work(songs, tmp_path):
  output = tmp_path / "out"
  working = tmp_path / "out.building"
  process = subprocess.Popen(
    command(songs, output), stderr=subprocess.PIPE, text=True
  )
  with process:
    wait_until(lambda: list(working.glob("*/*.safetensors")))
    workers = children(process.pid)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
  assert process.returncode == 130, said
  assert "interrupted" in said.splitlines()[-1]
  assert "Traceback" not in said
  assert_they_end(*workers)
  assert list(working.glob("*/*.safetensors"))


def test_tfds_reads_what_the_catalogue_says(undisturbed):
  catalogue = load_catalogue(undisturbed)
  reader = RecordReader(undisturbed, catalogue)
  builder = tfds.builder_from_directory(undisturbed)
  for i, split in enumerate(SPLITS):
    source = builder.as_data_source(split)
    rows = np.flatnonzero(catalogue.split == i)
    assert len(source) == len(rows) > 0
    for row, record in zip(rows, source, strict=True):
      assert record["track"].decode() == catalogue.tracks[catalogue.track[row]]
      assert (
        record["instrument"].decode()
        == catalogue.instruments[catalogue.instrument[row]]
      )
      assert record["start_samples"] == catalogue.start_samples[row]
      np.testing.assert_array_equal(
        reader.read(row), record["pcm"].astype(np.float32) / 32768
      )


def test_tfds_build_prepares_the_same(tmp_path):
  write_musdb(tmp_path / "musdb")
  done = subprocess.run(
    [
      *(sys.executable, "-m", "tensorflow_datasets.scripts.cli.main"),
      *("build", "stem_dataset", "--imports=fewshot_mss.data.stem_dataset"),
      f"--manual_dir={tmp_path / 'musdb'}",
      f"--data_dir={tmp_path / 'tfds'}",
      '--config={"name": "musdb_16k", "layout": "musdb18_hq", '
      '"sample_rate_hz": 16000, "segment_s": 1.0}',
    ],
    capture_output=True,
    text=True,
    check=False,
    env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
  )
  assert done.returncode == 0, done.stderr
  (by_tfds,) = (tmp_path / "tfds").glob("stem_dataset/musdb_16k/*")
  by_us = build(
    read_layout("musdb18_hq", tmp_path / "musdb", {}),
    tmp_path / "out",
    sample_rate_hz=16000,
    segment_s=1.0,
    beam_words=("direct_num_workers=1",),
    progress=False,
  )
  ours = contents(by_us)
  theirs = contents(by_tfds)
  # Says the name of the configuration.
  del ours[Path("dataset_info.json")], theirs[Path("dataset_info.json")]
  assert ours == theirs
  # The first is made by TFDS, and empty: nothing of ours is left.
  left = sorted(p.name for p in (tmp_path / "tfds").iterdir())
  assert left == ["downloads", "stem_dataset"]


def write_musdb(root):
  rng = np.random.default_rng(0)
  for split, title in (("train", "A - One"), ("test", "B & C - Two")):
    song = root / split / title
    song.mkdir(parents=True)
    for name in ("vocals", "bass", "drums", "other"):
      samples = rng.uniform(-0.2, 0.2, (44100, 2))
      soundfile.write(song / f"{name}.wav", samples, 44100)


def test_shards_hold_whole_songs_in_order(
  songs, undisturbed, tmp_path, monkeypatch
):
  # A song's file is 4 segments of 16,000 bytes and a head.
  monkeypatch.setattr(shards_module, "_SHARD_BYTES", 150_000)
  directory = build(
    stem_folder(songs),
    tmp_path / "out",
    sample_rate_hz=RATE_HZ,
    segment_s=1.0,
    beam_words=("direct_num_workers=1",),
    progress=False,
  )
  shards = sorted(directory.glob("*train*"))
  assert len(shards) > 1
  catalogue = load_catalogue(directory)
  assert catalogue.content_hash == load_catalogue(undisturbed).content_hash
  one, many = (
    RecordReader(folder, catalogue) for folder in (undisturbed, directory)
  )
  for row in range(len(catalogue)):
    np.testing.assert_array_equal(one.read(row), many.read(row))
