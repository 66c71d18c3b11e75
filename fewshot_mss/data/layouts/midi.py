"""Any folder of MIDI files, each of them a song, rendered as it is written.

What a file says is what is played: its programs, volumes and pedals. (To give
the notes to other instruments, in equal shares, see the layout `rendered`.)
"""

import concurrent.futures
import functools
import multiprocessing
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.data.labels import Label, look_up
from fewshot_mss.data.progress import shown_if_long
from fewshot_mss.data.splits import load_splits
from fewshot_mss.data.synth.general_midi import DRUM_CHANNEL, DRUMS
from fewshot_mss.data.synth.instrument_classes import instrument_classes
from fewshot_mss.data.synth.midi_files import (
  MidiPart,
  MidiSummary,
  part_alone,
  summarise,
)
from fewshot_mss.data.synth.notes import read_messages
from fewshot_mss.data.synth.patches import Patch, font_patches
from fewshot_mss.data.synth.render import font_paths, render
from fewshot_mss.data.synth.soundfont import SoundFont, load_soundfont
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError

_ENDINGS = (".mid", ".midi")
# Of the numbers 0 to 1 that the hash of a song's notes makes.
_VALIDATION_BELOW, _TEST_BELOW = 0.05, 0.2
# More files than these are read by all processors.
_MANY_FILES = 64
_FILES_AT_ONCE = 16
# The stems of a song are read one after the other: parse its file once.
_FILES_KEPT = 2


class _Sound(NamedTuple):
  """What a program, or the drums, is called and played with.

  Attributes:
    label: The instrument.
    patch: Its sound.
  """

  label: Label
  patch: Patch


def midi(
  root: Path,
  *,
  soundfont: Path | None = None,
  unheard_soundfont: Path | None = None,
  progress: bool = True,
) -> TrackSet:
  """Reads a folder of MIDI files; each part is rendered when it is read.

  Each channel and program is a stem, as loud as the file has it and at most
  `midi_files.MAX_SONG_S` long; channel 10 is drums. The instrument is that of
  the program in the table of labels. Programs of one sound, where the
  SoundFont plays the same samples for both, are the lowest of them, and those
  that it lacks, that play a drum kit's samples or are sound effects are left
  out.

  A song's split is drawn from its notes alone: other files do not move it, and
  in another tempo or other instruments it stays. Of files of the same notes
  one is taken. Two editions of a work that differ in a note are two songs.

  Many files are read by processes of multiprocessing: a script that calls this
  does so under `if __name__ == "__main__":`.

  Args:
    root: Searched with its subfolders for .mid and .midi.
    soundfont: An .sf2 file; None is TimGM6mb.
    unheard_soundfont: Another: the test songs come in it, too.
    progress: Whether to show a progress bar.

  Returns:
    The songs, by the order of their paths. Files that are broken, without
    notes, of the notes of another or of fewer than two parts are in `skipped`.

  Raises:
    InputError: If there is no song to use or a SoundFont cannot be played.
  """
  paths = _midi_paths(root)
  font_files = font_paths(soundfont, unheard_soundfont)
  fonts = [load_soundfont(path) for path in font_files]
  songs, skipped = _songs(root, paths, _summaries(paths, progress=progress))
  sounds = [
    _sounds(path, font, fonts)
    for path, font in zip(font_files, fonts, strict=True)
  ]
  tracks = []
  for name, path, summary in songs:
    split = split_of(summary.digest)
    stems = _stems(path, summary, sounds[0])
    if len(stems) < 2:
      skipped.append(f"{name}: fewer than two parts that {fonts[0].name} plays")
      continue
    tracks.append(Track(name, split, stems))
    for font, unheard in zip(fonts[1:], sounds[1:], strict=True):
      stems = _stems(path, summary, unheard) if split == "test" else ()
      if len(stems) >= 2:
        tracks.append(Track(f"{name}_{font.name}", split, stems))
  if not tracks:
    raise InputError(f"no song of two parts in {root} (left out: {skipped[0]})")
  return TrackSet(
    tuple(tracks),
    unseen=load_splits("midi").unseen,
    unheard_patches=tuple(
      sorted({s.patch.name for held in sounds[1:] for s in held.values()})
    ),
    sources=(
      f"MIDI files of {root.resolve().name}",
      *(path.name for path in font_files),
    ),
    skipped=tuple(skipped),
  )


def split_of(digest: str) -> str:
  """Draws the split of a song by its notes, and by nothing else.

  Args:
    digest: Of the notes, as `midi_files.summarise` returns it.

  Returns:
    `validation` for a twentieth of all songs, `test` for three, or `train`.
  """
  drawn = int(digest[:8], 16) / 2**32
  if drawn < _VALIDATION_BELOW:
    return "validation"
  return "test" if drawn < _TEST_BELOW else "train"


def _midi_paths(root: Path) -> list[Path]:
  if not root.is_dir():
    raise InputError(f"no folder {root}: name a folder of MIDI files")
  paths = sorted(
    path
    for path in root.rglob("*")
    if path.suffix.lower() in _ENDINGS and not path.name.startswith(".")
  )
  if not paths:
    raise InputError(f"{root} has no .mid file: name a folder of MIDI files")
  return paths


def _summaries(paths: list[Path], *, progress: bool) -> list[MidiSummary]:
  """Reads all files; many of them in as many processes as processors."""

  def shown(summaries: Iterable[MidiSummary]) -> list[MidiSummary]:
    return list(
      shown_if_long(
        summaries, total=len(paths), what="MIDI files", progress=progress
      )
    )

  if len(paths) <= _MANY_FILES:
    return shown(map(summarise, paths))
  # Spawned, for a fork would copy the threads of TensorFlow.
  context = multiprocessing.get_context("spawn")
  with concurrent.futures.ProcessPoolExecutor(
    mp_context=context, initializer=_end_with_parent
  ) as pool:
    return shown(pool.map(summarise, paths, chunksize=_FILES_AT_ONCE))


def _end_with_parent() -> None:
  """Ends this process with the one that started it, even if that is killed."""
  parent = multiprocessing.parent_process()

  def wait() -> None:
    if parent is not None:
      parent.join()
      os._exit(1)

  threading.Thread(target=wait, daemon=True).start()


def _songs(
  root: Path, paths: list[Path], summaries: list[MidiSummary]
) -> tuple[list[tuple[str, Path, MidiSummary]], list[str]]:
  """Returns what can be used, of the same notes once, and what cannot."""
  songs: dict[str, tuple[str, Path, MidiSummary]] = {}
  skipped = []
  for path, summary in zip(paths, summaries, strict=True):
    name = path.relative_to(root).as_posix()
    if summary.fault:
      skipped.append(f"{name}: {summary.fault}")
    elif summary.digest in songs:
      skipped.append(f"{name}: has the notes of {songs[summary.digest][0]}")
    else:
      songs[summary.digest] = (name, path, summary)
  return list(songs.values()), skipped


def _sounds(
  path: Path, font: SoundFont, fonts: list[SoundFont]
) -> dict[tuple[bool, int], _Sound]:
  """Returns what a SoundFont plays by drums or not, and program or kit."""
  classes = instrument_classes(fonts)
  labels = {item.name: look_up("general_midi", item.name) for item in classes}
  labels[DRUMS] = look_up("general_midi", DRUMS)
  return {
    (name == DRUMS, patch.number): _Sound(labels[name], patch)
    for name, patches in font_patches(path, font, classes).items()
    for patch in patches
  }


def _stems(
  path: Path, summary: MidiSummary, sounds: dict[tuple[bool, int], _Sound]
) -> tuple[Stem, ...]:
  stems: dict[str, Stem] = {}
  for part in summary.parts:
    drums = part.channel == DRUM_CHANNEL
    # A kit that is not there is played by the standard kit, as players do.
    choices = [part.program, 0] if drums else [part.program]
    sound = next(
      (sounds[drums, n] for n in choices if (drums, n) in sounds), None
    )
    if sound is None:
      continue
    instrument = sound.label.instrument
    number = 1 + sum(stem.instrument == instrument for stem in stems.values())
    name = instrument if number == 1 else f"{instrument}_{number}"
    stems[name] = Stem(
      name=name,
      instrument=instrument,
      family=sound.label.family,
      patch=sound.patch.name,
      read=functools.partial(_read, path, part, sound.patch),
      made_from=(path, sound.patch.soundfont),
    )
  return tuple(stems.values())


_messages = functools.lru_cache(_FILES_KEPT)(read_messages)


def _read(
  path: Path, part: MidiPart, patch: Patch
) -> tuple[Float32[np.ndarray, "samples 2"], int]:
  messages: list[Any] = _messages(path)
  content, length_s = part_alone(messages, part, number=patch.number)
  return render(patch.soundfont, content, length_s=length_s, level_db=None)
