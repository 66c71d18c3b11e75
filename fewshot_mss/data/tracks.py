"""What every layout returns: songs as Track objects, their stems as Stems."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

# Returns a whole sound as ([samples, channels], sample_rate_hz); raises
# InputError naming the file if it cannot be read.
Read = Callable[[], tuple[Float[np.ndarray, "samples channels"], int]]


@dataclasses.dataclass(frozen=True)
class Stem:
  """One recorded source of a song.

  Attributes:
    name: Unique within its track, for messages (`violin_2`).
    instrument: The class, lower case (`violin`).
    family: The family of the class (`strings`); `unknown` where nobody says.
    patch: The timbre: program and SoundFont, plug-in, player; `` if unknown.
    read: Returns the whole stem.
    files: What `read` reads, for checks before any long work; none where the
      sound is made rather than read.
    bleed: Whether it holds the sound of others; None if nobody says.
    made_from: What `read` makes the sound from where it is no audio, as MIDI
      and SoundFonts: another content makes another sound.
  """

  name: str
  instrument: str
  family: str
  patch: str
  read: Read
  files: tuple[Path, ...] = ()
  bleed: bool | None = None
  made_from: tuple[Path, ...] = ()


@dataclasses.dataclass(frozen=True)
class Track:
  """One song: its stems start together and their sum is the mixture.

  Attributes:
    name: Unique within the dataset.
    split: `train`, `validation` or `test`.
    stems: The sources.
    mixture: Returns the mixture that lies beside the stems, for checks alone;
      None where there is none.
  """

  name: str
  split: str
  stems: tuple[Stem, ...]
  mixture: Read | None = None


@dataclasses.dataclass(frozen=True)
class TrackSet:
  """What a layout makes of a folder.

  Attributes:
    tracks: All songs of all splits.
    unseen: Instruments kept out of training, to test the few-shot claim.
    unheard_patches: Patches of seen instruments kept out of training.
    sources: Where the audio comes from, for provenance (names, not paths).
    skipped: Songs and stems of the folder that are not among the tracks, each
      as `name: reason`.
  """

  tracks: tuple[Track, ...]
  unseen: tuple[str, ...] = ()
  unheard_patches: tuple[str, ...] = ()
  sources: tuple[str, ...] = ()
  skipped: tuple[str, ...] = ()
