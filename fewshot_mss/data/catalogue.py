"""The table of all segments of a prepared dataset.

One row is one segment of one stem. A segment that is not in the table is
silent. Pure numpy: nothing here reads audio.
"""

import dataclasses
import functools
import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from fewshot_mss.data.views import View, make_view
from fewshot_mss.errors import InputError

FORMAT_VERSION = 1
SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)

# A stretch this far below its stem's loudest segment does not show the
# instrument any more: a reverberation tail, a neighbour leaking in.
ACTIVE_RANGE_DB = 25.0

_COLUMNS = (
  "track",
  "stem",
  "instrument",
  "family",
  "patch",
  "split",
  "start_samples",
  "record",
  "rms_db",
  "levels_db",
)
_NAMES = ("tracks", "stems", "instruments", "families", "patches")


@dataclasses.dataclass(frozen=True, eq=False)
class Catalogue:
  """All segments of a prepared dataset, column by column.

  Attributes:
    track: Index into `tracks`.
    stem: Index into `stems`.
    instrument: Index into `instruments`.
    family: Index into `families`.
    patch: Index into `patches`.
    split: Index into `SPLITS`.
    start_samples: Where the segment starts in its track; a multiple of
      `segment_samples`, the same grid for all stems of a track.
    record: Position among the records of the row's split.
    rms_db: Level of the segment, in dB below full scale.
    levels_db: Level of each block of `block_samples`; -128 is silence.
    tracks: Names; likewise `stems` (`track/stem`), `instruments`, `families`
      and `patches`.
    seen: For each instrument, whether training may use it.
    unheard: For each patch, whether it is kept out of training.
    sample_rate_hz: Of all segments.
    segment_samples: Length of all segments.
    block_samples: Length of the blocks of `levels_db`; the last is shorter
      where the segment is not a multiple.
    provenance: Where the audio comes from.
    class_names: The classes of the run, where the dataset is one of several
      that are mixed; its own seen instruments otherwise.
    left_out: Indices of the tracks that are not drawn from, as another dataset
      of the mix holds them out.
  """

  track: Int[np.ndarray, " N"]
  stem: Int[np.ndarray, " N"]
  instrument: Int[np.ndarray, " N"]
  family: Int[np.ndarray, " N"]
  patch: Int[np.ndarray, " N"]
  split: Int[np.ndarray, " N"]
  start_samples: Int[np.ndarray, " N"]
  record: Int[np.ndarray, " N"]
  rms_db: Float[np.ndarray, " N"]
  levels_db: Int[np.ndarray, "N blocks"]
  tracks: tuple[str, ...]
  stems: tuple[str, ...]
  instruments: tuple[str, ...]
  families: tuple[str, ...]
  patches: tuple[str, ...]
  seen: Bool[np.ndarray, " I"]
  unheard: Bool[np.ndarray, " P"]
  sample_rate_hz: int
  segment_samples: int
  block_samples: int
  provenance: tuple[str, ...] = ()
  class_names: tuple[str, ...] = ()
  left_out: tuple[int, ...] = ()

  def __len__(self) -> int:
    """Returns the number of segments."""
    return len(self.track)

  @functools.cached_property
  def class_ids(self) -> Int[np.ndarray, " I"]:
    """Position of each instrument among the classes; -1 if unseen."""
    ids = {name: i for i, name in enumerate(self.seen_instruments)}
    return np.array([ids.get(name, -1) for name in self.instruments], np.int32)

  @functools.cached_property
  def seen_instruments(self) -> tuple[str, ...]:
    """Names of the seen instruments, in order of their class.

    Where several datasets are mixed, those of all of them.
    """
    return self.class_names or tuple(
      sorted(_picked(self.instruments, self.seen))
    )

  @functools.cached_property
  def family_of(self) -> Int[np.ndarray, " I"]:
    """Index of the family of each instrument."""
    family = np.zeros(len(self.instruments), np.int32)
    family[self.instrument] = self.family
    return family

  @functools.cached_property
  def active(self) -> Bool[np.ndarray, "N blocks"]:
    """Which blocks show the instrument, by the level of their own stem."""
    loudest_db = np.full(len(self.stems), -np.inf, np.float32)
    np.maximum.at(loudest_db, self.stem, self.rms_db.astype(np.float32))
    floor_db = loudest_db[self.stem] - ACTIVE_RANGE_DB
    return self.levels_db >= floor_db[:, None]

  @functools.cached_property
  def moment(self) -> Int[np.ndarray, " N"]:
    """Number of each row's track and start, in order of track, then start.

    The moments of a track are therefore one range.
    """
    start = self.start_samples.astype(np.int64)
    stride = int(start.max(initial=0)) + 1
    # In 64 bits: a thousand songs of minutes are beyond 32.
    number = self.track.astype(np.int64) * stride + start
    return np.unique(number, return_inverse=True)[1].astype(np.int32)

  @functools.cached_property
  def trainable(self) -> Bool[np.ndarray, " N"]:
    """Rows of seen instruments in timbres that training may hear."""
    kept = np.ones(len(self.tracks), np.bool_)
    kept[list(self.left_out)] = False
    return (
      self.seen[self.instrument] & ~self.unheard[self.patch] & kept[self.track]
    )

  @functools.cached_property
  def view(self) -> View:
    """The sorted views over the trainable rows."""
    return self.view_of(self.trainable)

  def view_of(self, chosen: Bool[np.ndarray, " N"]) -> View:
    """Returns the sorted views over some rows."""
    return make_view(
      np.flatnonzero(chosen).astype(np.int32),
      track=self.track,
      moment=self.moment,
      split=self.split,
      instrument=self.instrument,
      active=self.active.any(axis=1),
      num_tracks=len(self.tracks),
      num_splits=len(SPLITS),
      num_instruments=len(self.instruments),
    )

  @functools.cached_property
  def content_hash(self) -> str:
    """SHA-256 over every column and name."""
    digest = hashlib.sha256(json.dumps(_description(self)).encode())
    for name in _COLUMNS:
      column = np.ascontiguousarray(getattr(self, name))
      digest.update(f"{name} {column.dtype.str} {column.shape}".encode())
      # As it lies in memory: a copy of the levels would be the largest thing.
      digest.update(column.reshape(-1))
    return digest.hexdigest()


def _description(catalogue: Catalogue) -> dict[str, Any]:
  """All that is not a column, as JSON values."""
  names = {name: list(getattr(catalogue, name)) for name in _NAMES}
  return {
    "format_version": FORMAT_VERSION,
    "sample_rate_hz": catalogue.sample_rate_hz,
    "segment_samples": catalogue.segment_samples,
    "block_samples": catalogue.block_samples,
    "provenance": list(catalogue.provenance),
    "unseen": _picked(catalogue.instruments, ~catalogue.seen),
    "unheard_patches": _picked(catalogue.patches, catalogue.unheard),
    "num_segments": {
      split: int(np.sum(catalogue.split == i)) for i, split in enumerate(SPLITS)
    },
    **names,
  }


def _picked(names: tuple[str, ...], mask: Bool[np.ndarray, " _"]) -> list[str]:
  return [name for name, there in zip(names, mask, strict=True) if there]


def save_catalogue(catalogue: Catalogue, directory: Path) -> None:
  """Writes `catalogue.npz` and `catalogue.json` into a folder."""
  columns = {name: getattr(catalogue, name) for name in _COLUMNS}
  temporary = directory / "catalogue.tmp.npz"
  np.savez(temporary, **columns)
  temporary.replace(directory / "catalogue.npz")
  described = _description(catalogue)
  described["content_hash"] = catalogue.content_hash
  write_text_whole(
    directory / "catalogue.json", json.dumps(described, indent=1)
  )


def write_text_whole(path: Path, text: str) -> None:
  """Writes a text file so that it is there whole or not at all."""
  temporary = path.with_name(f"{path.name}.tmp{os.getpid()}")
  temporary.write_text(text, encoding="utf-8")
  temporary.replace(path)


def load_catalogue(directory: Path) -> Catalogue:
  """Reads the catalogue of a prepared folder.

  Args:
    directory: What `fewshot-mss data build` wrote.

  Returns:
    The catalogue, checked against the hash that was stored with it.

  Raises:
    InputError: If a file is missing, damaged or of another format.
  """
  described = _read_json(directory / "catalogue.json")
  if described.get("format_version") != FORMAT_VERSION:
    raise InputError(
      f"{directory / 'catalogue.json'} is not of format version "
      f"{FORMAT_VERSION}: build the dataset again"
    )
  path = directory / "catalogue.npz"
  damaged = InputError(f"{path} is damaged: build the dataset again")
  try:
    # Opened here: numpy leaves the file of a broken archive open.
    with (
      path.open("rb") as file,
      np.load(file, allow_pickle=False) as stored,
    ):
      columns = {name: stored[name] for name in _COLUMNS}
    names = {name: tuple(described[name]) for name in _NAMES}
    unseen = set(described["unseen"])
    unheard = set(described["unheard_patches"])
    catalogue = Catalogue(
      **columns,
      **names,
      seen=np.array([name not in unseen for name in names["instruments"]]),
      unheard=np.array([name in unheard for name in names["patches"]]),
      sample_rate_hz=described["sample_rate_hz"],
      segment_samples=described["segment_samples"],
      block_samples=described["block_samples"],
      provenance=tuple(described["provenance"]),
    )
    stored_hash = described["content_hash"]
  except FileNotFoundError as error:
    raise InputError(f"{path} is missing: build the dataset again") from error
  except (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    zipfile.BadZipFile,
  ) as error:
    raise damaged from error
  if catalogue.content_hash != stored_hash:
    raise damaged
  return catalogue


def _read_json(path: Path) -> dict[str, Any]:
  try:
    described = json.loads(path.read_text(encoding="utf-8"))
  except FileNotFoundError as error:
    raise InputError(
      f"{path} is missing: name a folder that `fewshot-mss data build` wrote"
    ) from error
  except (OSError, ValueError) as error:
    raise InputError(
      f"{path} cannot be read as JSON: build the dataset again"
    ) from error
  if not isinstance(described, dict):
    raise InputError(f"{path} is no catalogue: build the dataset again")
  return described
