"""All layouts by name: what `data build --layout=NAME` reads."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fewshot_mss.data.layouts.medley_solos_db import medley_solos_db
from fewshot_mss.data.layouts.medleydb import medleydb
from fewshot_mss.data.layouts.moisesdb import moisesdb
from fewshot_mss.data.layouts.musdb import musdb18, musdb18_hq
from fewshot_mss.data.layouts.slakh import babyslakh, slakh
from fewshot_mss.data.layouts.stem_folder import stem_folder
from fewshot_mss.data.tracks import TrackSet
from fewshot_mss.errors import InputError

DATASETS: dict[str, Callable[..., TrackSet]] = {
  "slakh2100_redux": functools.partial(slakh, edition="redux"),
  "slakh2100_orig": functools.partial(slakh, edition="orig"),
  "slakh2100_split2": functools.partial(slakh, edition="split2"),
  "babyslakh": babyslakh,
  "musdb18_hq": musdb18_hq,
  "musdb18": musdb18,
  "medleydb": medleydb,
  "moisesdb": moisesdb,
  "medley_solos_db": medley_solos_db,
}
# Which layouts take an option; the others have its matter fixed, so that
# figures compare, or know nothing of it.
LAYOUT_OPTIONS: dict[str, tuple[str, ...]] = {
  "seed": ("stem_folder", "rendered"),
  "unseen": ("stem_folder",),
  "with_bleed": ("medleydb", "moisesdb"),
  "num_songs": ("rendered",),
  "song_s": ("rendered",),
  "num_unseen": ("rendered",),
  "midi_folder": ("rendered",),
  "soundfont": ("rendered", "midi"),
  "unheard_soundfont": ("rendered", "midi"),
  "classes": ("rendered", "medley_solos_db"),
  "notes": ("rendered",),
  "solos": ("rendered",),
}
# What may be there several times, where the classes are broad.
_SEVERAL = ("soundfont", "unheard_soundfont", "midi_folder", "notes")


def read_layout(
  layout: str, root: Path | None, options: Mapping[str, Any]
) -> TrackSet:
  """Reads songs; the sound itself is read, or made, when it is asked for.

  Args:
    layout: `stem_folder`, `midi`, `rendered` or one of `DATASETS`.
    root: Where the songs lie; None for `rendered`, which makes them.
    options: Those of `LAYOUT_OPTIONS` that were given; SoundFonts and folders
      of MIDI files or notes may be sequences.

  Returns:
    The songs, with their splits and unseen classes.

  Raises:
    InputError: If the layout does not take an option or a folder, or what it
      reads cannot be used.
  """
  track_set = _read_layout(layout, root, options)
  _check_names(track_set)
  return track_set


def _check_names(track_set: TrackSet) -> None:
  """Checks that names are text, as records and JSON must have it."""
  names = [*track_set.sources, *track_set.skipped]
  for track in track_set.tracks:
    names.append(track.name)
    for stem in track.stems:
      names += [stem.name, *map(str, (*stem.files, *stem.made_from))]
  # As bytes that are no UTF-8 come from the file system.
  strange = [name for name in names if not _is_text(name)]
  if strange:
    raise InputError(
      f"the name {strange[0]!a} is no UTF-8: rename it, as convmv does "
      "for whole folders"
    )


def _is_text(name: str) -> bool:
  try:
    name.encode()
  except UnicodeEncodeError:
    return False
  return True


def _read_layout(
  layout: str, root: Path | None, options: Mapping[str, Any]
) -> TrackSet:
  for name in options:
    if layout not in LAYOUT_OPTIONS[name]:
      raise InputError(
        f"--{name} is for the layout {' or '.join(LAYOUT_OPTIONS[name])}, not "
        f"for {layout}: leave it out"
      )
  if layout == "rendered":
    if root is not None:
      raise InputError(
        f"the layout rendered makes its own songs: leave the folder {root} "
        "out, or name it as --midi_folder, or take --layout=midi"
      )
    return _rendered(options)
  options = _singly(options)
  if root is None:
    raise InputError("name the folder of songs to build from")
  if layout == "midi":
    from fewshot_mss.data.layouts.midi import midi

    return midi(root, **options)
  if layout == "stem_folder":
    return stem_folder(root, **options)
  return DATASETS[layout](root, **options)


def _rendered(options: Mapping[str, Any]) -> TrackSet:
  """Makes songs, of broad classes or of one a program."""
  if options.get("classes") == "broad":
    # Here rather than above: MIDI and SoundFonts are of the extra `render`.
    from fewshot_mss.data.layouts.broad import BroadSettings, broad

    several = {
      name if name == "notes" else f"{name}s": tuple(_as_list(options[name]))
      for name in _SEVERAL
      if name in options
    }
    single = {
      name: value
      for name, value in options.items()
      if name not in (*_SEVERAL, "classes")
    }
    return broad(BroadSettings(**single, **several))
  from fewshot_mss.data.layouts.rendered import RenderSettings, rendered

  for name in ("notes", "solos"):
    if name in options:
      raise InputError(f"--{name} is for --classes=broad: give that, too")
  return rendered(RenderSettings(**_singly(options)))


def _singly(options: Mapping[str, Any]) -> dict[str, Any]:
  """Returns options without sequences, of which one thing may be given."""
  for name in _SEVERAL:
    if len(_as_list(options.get(name))) > 1:
      raise InputError(
        f"--{name} is there {len(options[name])} times, which is for "
        "--layout=rendered --classes=broad: give one"
      )
  return {
    name: _as_list(value)[0] if name in _SEVERAL else value
    for name, value in options.items()
  }


def _as_list(value: Any) -> list[Any]:
  return list(value) if isinstance(value, (list, tuple)) else [value]
