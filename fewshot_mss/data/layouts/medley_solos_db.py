"""Medley-solos-DB: clips of eight instruments alone, many from one recording.

One recording (`song_id`) is one track of one stem, so that an episode, which
takes its examples from other tracks than its mixture's, does not show a
performance to itself. A track of one stem is no mixture: episodes mix such
tracks at random, and the fixed lists for evaluation, whose mixtures are songs,
have no item of them.

A clip of a recording begins in the middle of the one before it wherever both
are there: the second half of the one is, bit for bit, the first half of the
other. Such clips are joined into the recording that they were cut from; laid
one after the other, every sound would be there twice, in two places that count
as two moments, and an example could be the very sound that is asked for. What
does not join follows after a short fade, in the order of the csv: segments may
span two passages of one performance, which still show one instrument.

Recordings for training and validation are songs of MedleyDB, but the numbers
do not say which: do not test on MedleyDB, or on MUSDB18, what was trained here.
"""

import csv
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.files import read_audio
from fewshot_mss.data.broad_classes import broad_class
from fewshot_mss.data.labels import look_up
from fewshot_mss.data.loudness import set_level
from fewshot_mss.data.splits import load_splits
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError

FADE_S = 0.01
# Of every recording, where the classes are broad: they are 16 to 60 dB below
# full scale, and the songs that they are mixed with are about this loud.
_LEVEL_DB = -22.0
_TABLES = (
  "annotation/Medley-solos-DB_metadata.csv",
  "Medley-solos-DB_metadata.csv",
  "metadata.csv",
)
_SUBSETS = {"training": "train", "validation": "validation", "test": "test"}
# Older copies of the table call it track_id.
_SONG_COLUMNS = ("song_id", "track_id")
_COLUMNS = ("subset", "instrument", "instrument_id", "uuid4")
_ENDINGS = (".wav", ".flac")


class _Clip(NamedTuple):
  """One line of the table.

  Attributes:
    subset: `training`, `validation` or `test`.
    instrument: As the dataset calls it.
    song_id: Of the recording; text, for it has leading zeros.
    stem: Name of its file without the ending.
    place: File and line, for messages.
  """

  subset: str
  instrument: str
  song_id: str
  stem: str
  place: str


def medley_solos_db(root: Path, *, classes: str = "") -> TrackSet:
  """Reads Medley-solos-DB; the sound itself is read when it is asked for.

  Args:
    root: Holds `annotation/Medley-solos-DB_metadata.csv` or, beside the audio,
      that file or `metadata.csv`; and the clips, in `audio` or right in it, as
      wav or flac.
    classes: `broad` for those of `broad_classes.csv`, none of which is unseen:
      that is for the dataset to say which these are beside. `` for the eight.

  Returns:
    A track for each recording, in the order of the table.

  Raises:
    InputError: If there is no table, it is damaged, it gives one recording
      two subsets or instruments, or a clip is missing.
  """
  broad = classes == "broad"
  recordings: dict[str, list[_Clip]] = {}
  for clip in _clips(_table(root)):
    clips = recordings.setdefault(clip.song_id, [])
    if clips and clips[0][:2] != clip[:2]:
      raise InputError(
        f"{clip.place}: song {clip.song_id} is {clip.subset} {clip.instrument} "
        f"here and {clips[0].subset} {clips[0].instrument} before: a song has "
        "one subset and one instrument"
      )
    clips.append(clip)
  paths = _paths(
    root, [clip for clips in recordings.values() for clip in clips]
  )
  splits = load_splits("medley_solos_db")
  return TrackSet(
    tuple(
      _track(clips, [paths[clip.stem] for clip in clips], broad=broad)
      for clips in recordings.values()
    ),
    unseen=() if broad else splits.unseen,
    unheard_patches=splits.unheard_patches,
    sources=("Medley-solos-DB",),
  )


def _table(root: Path) -> Path:
  for name in _TABLES:
    if (root / name).is_file():
      return root / name
  raise InputError(
    f"{root} holds none of {', '.join(_TABLES)}: name the folder that the "
    "dataset was unpacked in"
  )


def _clips(table: Path) -> list[_Clip]:
  try:
    with table.open(encoding="utf-8-sig", newline="") as file:
      reader = csv.DictReader(file)
      columns = reader.fieldnames or ()
      rows = [(reader.line_num, row) for row in reader]
  except (OSError, UnicodeDecodeError, csv.Error) as error:
    raise InputError(
      f"{table} cannot be read as csv ({error}): copy it again"
    ) from error
  song_column = next((name for name in _SONG_COLUMNS if name in columns), None)
  missing = [name for name in _COLUMNS if name not in columns]
  if song_column is None or missing:
    raise InputError(
      f"{table} lacks the column {(missing or ['song_id'])[0]}: it must have "
      f"{', '.join((*_COLUMNS, _SONG_COLUMNS[0]))}"
    )
  clips = []
  for line, row in rows:
    cells = [(row[name] or "").strip() for name in (*_COLUMNS, song_column)]
    subset, instrument, instrument_id, uuid, song_id = cells
    if not all(cells) or subset not in _SUBSETS:
      raise InputError(
        f"{table} line {line}: fill every cell, subset with one of "
        f"{', '.join(_SUBSETS)}"
      )
    clips.append(
      _Clip(
        subset=subset,
        instrument=instrument,
        song_id=song_id,
        stem=f"Medley-solos-DB_{subset}-{instrument_id}_{uuid}",
        place=f"{table} line {line}",
      )
    )
  if not clips:
    raise InputError(f"{table} lists no clip: copy it again")
  return clips


def _paths(root: Path, clips: Sequence[_Clip]) -> dict[str, Path]:
  """Finds the file of each clip."""
  folder = root / "audio" if (root / "audio").is_dir() else root
  names = {path.name for path in folder.iterdir()}
  paths: dict[str, Path] = {}
  missing = []
  for clip in clips:
    if clip.stem in paths:
      raise InputError(f"{clip.place}: {clip.stem} is listed twice: remove one")
    name = next(
      (clip.stem + end for end in _ENDINGS if clip.stem + end in names), None
    )
    if name is None:
      missing.append(clip)
      continue
    paths[clip.stem] = folder / name
  if missing:
    raise InputError(
      f"{folder} lacks {len(missing)} of {len(clips)} clips, the first "
      f"{missing[0].stem}.wav ({missing[0].place}): unpack the audio again or "
      "remove their lines"
    )
  return paths


def _track(clips: Sequence[_Clip], paths: list[Path], *, broad: bool) -> Track:
  label = look_up("medley_solos_db", clips[0].instrument)
  found = broad_class(label.instrument)
  stem = Stem(
    name=label.instrument,
    instrument=found.name if broad else label.instrument,
    family=found.family if broad else label.family,
    # Of a broad class each player is a timbre.
    patch=f"Medley-solos-DB/{clips[0].song_id}" if broad else "",
    read=functools.partial(
      _read_recording, tuple(paths), level_db=_LEVEL_DB if broad else None
    ),
    files=tuple(paths),
  )
  return Track(f"song_{clips[0].song_id}", _SUBSETS[clips[0].subset], (stem,))


def _read_recording(
  paths: tuple[Path, ...], *, level_db: float | None
) -> tuple[Float32[np.ndarray, "samples channels"], int]:
  clips = []
  forms = []
  for path in paths:
    samples, rate_hz = read_audio(path)
    clips.append(samples)
    forms.append((rate_hz, samples.shape[1]))
    if forms[-1] != forms[0]:
      raise InputError(
        f"{path} has {rate_hz} Hz and {samples.shape[1]} channels, "
        f"{paths[0].name} of the same song {forms[0][0]} Hz and "
        f"{forms[0][1]}: make them alike"
      )
  rate_hz = forms[0][0]
  sound = join_clips(clips, round(FADE_S * rate_hz))
  if level_db is not None:
    set_level(sound, rate_hz, level_db)
  return sound, rate_hz


def join_clips(
  clips: Sequence[Float32[np.ndarray, "_ channels"]], fade_samples: int
) -> Float32[np.ndarray, "samples channels"]:
  """Undoes the cutting of a recording into clips that overlap by half.

  Args:
    clips: In any order.
    fade_samples: Length of the fades at both ends of what could be joined, for
      what follows is another passage.

  Returns:
    The passages one after the other; each begins where the first of its clips
    in the given order has no clip before it.
  """
  passages = []
  for chain in _chains(clips):
    rest = [clips[i][len(clips[i]) // 2 :] for i in chain[1:]]
    passage = np.concatenate([clips[chain[0]], *rest])
    fade = np.linspace(0, 1, fade_samples, dtype=np.float32)[:, np.newaxis]
    length = min(fade_samples, len(passage))
    passage[:length] *= fade[:length]
    passage[len(passage) - length :] *= fade[::-1][fade_samples - length :]
    passages.append(passage)
  return np.concatenate(passages)


def _chains(
  clips: Sequence[Float32[np.ndarray, "_ channels"]],
) -> list[list[int]]:
  """Finds which clips go on which: every clip is in one chain."""
  heads: dict[bytes, int] = {}
  following: dict[int, int | None] = {}
  for i, clip in enumerate(clips):
    half = clip[: len(clip) // 2]
    # One silence is like another.
    if half.any():
      heads.setdefault(_digest(half), i)
  for i, clip in enumerate(clips):
    following[i] = heads.get(_digest(clip[len(clip) // 2 :]))
  followers = set(following.values())
  starts = [i for i in range(len(clips)) if i not in followers]
  chains: list[list[int]] = []
  used: set[int] = set()
  # Clips of a loop all follow one: it is begun anywhere.
  for start in [*starts, *range(len(clips))]:
    chain: list[int] = []
    here: int | None = start
    while here is not None and here not in used:
      chain.append(here)
      used.add(here)
      here = following[here]
    if chain:
      chains.append(chain)
  return chains


def _digest(samples: Float32[np.ndarray, "samples channels"]) -> bytes:
  return hashlib.sha256(samples.tobytes()).digest()
