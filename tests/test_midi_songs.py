"""Songs of MIDI files: kits, splits, unseen classes, what is refused."""

import collections
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from fewshot_mss.data.labels import look_up
from fewshot_mss.data.layouts.midi import midi, split_of
from fewshot_mss.data.splits import load_splits
from fewshot_mss.data.synth.instrument_classes import instrument_classes
from fewshot_mss.data.synth.soundfont import default_soundfont, load_soundfont
from fewshot_mss.errors import InputError
from midi_songs_files import VIOLIN, song
from processes import assert_they_end
from test_midi_files import note, program, write


def test_a_kit_that_is_not_there_is_the_standard_kit(tmp_path):
  song(tmp_path / "a.mid", 60)
  write(tmp_path / "b.mid", note(0, 60), [*program(9, 77), *note(9, 36)])
  write(tmp_path / "c.mid", note(0, 61), [*program(9, 25), *note(9, 36)])
  tracks = {t.name: t for t in midi(tmp_path, progress=False).tracks}
  patches = [tracks[f"{name}.mid"].stems[1].patch for name in "bc"]
  assert patches == ["TimGM6mb/000 standard kit", "TimGM6mb/025 tr 808 kit"]
  assert np.abs(tracks["b.mid"].stems[1].read()[0]).max() > 0.01


def test_the_split_is_drawn_by_the_notes_alone(tmp_path):
  digests = [hashlib.sha256(b"%d" % i).hexdigest() for i in range(4_000)]
  drawn = collections.Counter(map(split_of, digests))
  assert drawn["validation"] / 4_000 == pytest.approx(0.05, abs=0.015)
  assert drawn["test"] / 4_000 == pytest.approx(0.15, abs=0.02)
  bounds = ("0" * 8, "0ccccccc", "0ccccccd", "33333333", "33333334")
  assert [split_of(digest) for digest in bounds] == [
    "validation", "validation", "test", "test", "train",
  ]  # fmt: skip
  root = tmp_path / "one"
  for i in range(30):
    song(root / f"{i:02}.mid", 40 + i)
  before = {t.name: t.split for t in midi(root, progress=False).tracks}
  assert len(set(before.values())) >= 2
  # Other files before and between them move none, nor does another name.
  for i in range(10):
    song(root / f"{i:02}_more.mid", 80 + i)
  after = {t.name: t.split for t in midi(root, progress=False).tracks}
  assert len(after) == 40
  assert {name: after[name] for name in before} == before
  for name in before:
    shutil.copy(root / name, tmp_path / f"x{name}")
  shutil.rmtree(root)
  renamed = {t.name: t.split for t in midi(tmp_path, progress=False).tracks}
  assert renamed == {f"x{name}": split for name, split in before.items()}


def test_unseen_classes_are_drawn_as_the_file_says():
  classes = collections.defaultdict(list)
  for item in instrument_classes([load_soundfont(default_soundfont())]):
    classes[look_up("general_midi", item.name)].append(item.apart)
  assert len(classes) == 81
  apart = sorted(label for label, held in classes.items() if all(held))
  theirs = set(load_splits("medleydb").unseen)
  unseen = {label for label in apart if label.instrument in theirs}
  taken = {label.family for label in unseen}
  common = {"flute", "string section", "synth bass", "violin"}
  rng = np.random.default_rng(0)
  for family in sorted({label.family for label in apart} - taken):
    names = [
      label.instrument
      for label in apart
      if label.family == family and label.instrument not in common
    ]
    if names:
      drawn = rng.choice(names)
      unseen.add(next(label for label in apart if label.instrument == drawn))
  names = sorted(label.instrument for label in unseen)
  assert load_splits("midi").unseen == tuple(names)
  assert len({label.family for label in unseen}) >= 10


def test_folders_without_songs_are_refused(tmp_path):
  with pytest.raises(InputError, match="no folder"):
    midi(tmp_path / "absent")
  with pytest.raises(InputError, match=r"has no \.mid file"):
    midi(tmp_path)
  song(tmp_path / "a.mid", 60, (VIOLIN,))
  with pytest.raises(InputError, match=r"no song of two parts .*a\.mid: fewer"):
    midi(tmp_path, progress=False)
  with pytest.raises(InputError, match=r"a\.mid is not a SoundFont"):
    midi(tmp_path, soundfont=tmp_path / "a.mid")


def test_readers_of_files_end_with_who_started_them():
  script = (
    "import os, pathlib, time\n"
    "from fewshot_mss.data.layouts import midi\n"
    "def report(path):\n"
    "  print(os.getpid(), flush=True)\n"
    "  time.sleep(60)\n"
    "if __name__ == '__main__':\n"
    "  midi._MANY_FILES = 0\n"
    "  midi.summarise = report\n"
    "  midi._summaries([pathlib.Path('a')], progress=False)\n"
  )
  with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
    file.write(script)
    file.flush()
    process = subprocess.Popen(
      [sys.executable, file.name],
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
      env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
      assert process.stdout is not None
      reader = int(process.stdout.readline())
      process.kill()
  assert_they_end(reader)
