"""Songs made here: procedural or MIDI notes, rendered through a SoundFont."""

import dataclasses
import functools
import itertools
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from fewshot_mss.data.synth.casting import draw_unseen
from fewshot_mss.data.synth.general_midi import DRUMS
from fewshot_mss.data.synth.instrument_classes import instrument_classes
from fewshot_mss.data.synth.notes import fit_to_range, midi_bytes
from fewshot_mss.data.synth.patches import Patch, PatchTurns, font_patches
from fewshot_mss.data.synth.players import Player, Song, cast_parts
from fewshot_mss.data.synth.render import font_paths, render
from fewshot_mss.data.synth.scores import (
  Score,
  composed_scores,
  even_sizes,
  folder_scores,
)
from fewshot_mss.data.synth.soundfont import load_soundfont
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError

_VALIDATION_SHARE, _TEST_SHARE = 0.1, 0.3
_MIN_SONGS = 6
_MIN_SONG_S = 2.0


@dataclasses.dataclass(frozen=True)
class RenderSettings:
  """What to make.

  Attributes:
    num_songs: Songs of all splits; of a folder, at most so many.
    song_s: Length of a song.
    seed: Of all draws.
    soundfont: An .sf2 file; None is TimGM6mb.
    unheard_soundfont: Another: the test songs come in it, too.
    midi_folder: Takes notes from MIDI files instead of composing them.
    num_unseen: Instruments kept out of training.
  """

  num_songs: int = 120
  song_s: float = 24.0
  seed: int = 0
  soundfont: Path | None = None
  unheard_soundfont: Path | None = None
  midi_folder: Path | None = None
  num_unseen: int = 20


def rendered(settings: RenderSettings) -> TrackSet:
  """Writes and casts songs; their stems are rendered when they are read.

  Of training, validation and test songs (6 : 1 : 3), training has the seen
  instruments in equal shares, the others seen and unseen ones by halves. Parts
  have different instruments, about half of the songs drums.

  Args:
    settings: What to make.

  Returns:
    The songs.

  Raises:
    InputError: If a setting is out of range, a SoundFont or MIDI file cannot be
      used, or there are too few songs.
  """
  if settings.song_s < _MIN_SONG_S:
    raise InputError(
      f"song_s is {settings.song_s}: give at least {_MIN_SONG_S} seconds"
    )
  paths = font_paths(settings.soundfont, settings.unheard_soundfont)
  fonts = [load_soundfont(path) for path in paths]
  classes = [
    item
    for item in instrument_classes(fonts)
    if any(number in fonts[0].programs for number in item.programs)
  ]
  rng = np.random.default_rng(settings.seed)
  unseen = draw_unseen(rng, classes, settings.num_unseen)
  songs = cast_parts(rng, _scores(settings), classes, unseen)
  patches = [
    font_patches(path, font, classes)
    for path, font in zip(paths, fonts, strict=True)
  ]
  tracks = _tracks(songs, PatchTurns(rng, patches[0]), settings.song_s)
  for font, unheard in zip(fonts[1:], patches[1:], strict=True):
    tracks += _tracks(
      [song for song in songs if song.split == "test"],
      PatchTurns(rng, unheard),
      settings.song_s,
      suffix=f"_{font.name}",
    )
  return TrackSet(
    tracks=tuple(tracks),
    unseen=unseen,
    unheard_patches=tuple(
      sorted(
        patch.name
        for unheard in patches[1:]
        for held in unheard.values()
        for patch in held
      )
    ),
    sources=(_notes_source(settings), *(path.name for path in paths)),
  )


def _notes_source(settings: RenderSettings) -> str:
  if settings.midi_folder is None:
    return "procedural songs"
  return f"MIDI files of {settings.midi_folder.name}"


def _scores(settings: RenderSettings) -> list[list[Score]]:
  """Returns the songs of each split."""
  if settings.midi_folder is None:
    count = settings.num_songs
    scores = []
  else:
    scores = folder_scores(
      settings.seed, settings.midi_folder, settings.num_songs, settings.song_s
    )
    count = len(scores)
  if count < _MIN_SONGS:
    raise InputError(
      f"there are {count} songs: give at least {_MIN_SONGS}, with two pitched "
      "parts or more"
    )
  validation = max(2, round(count * _VALIDATION_SHARE))
  test = max(2, round(count * _TEST_SHARE))
  counts = (count - validation - test, validation, test)
  if settings.midi_folder is None:
    return composed_scores(settings.seed, counts, settings.song_s)
  remaining = iter(scores)
  return [
    even_sizes(list(itertools.islice(remaining, size))) for size in counts
  ]


def _tracks(
  songs: list[Song],
  turns: PatchTurns,
  song_s: float,
  *,
  suffix: str = "",
) -> list[Track]:
  """Chooses a patch for each player, each patch of an instrument in turn.

  Songs of training come first; the others keep to the patches of seen
  instruments that training has heard. Players whose instrument the SoundFont
  lacks stay out.
  """
  tracks = []
  for before, song in itertools.pairwise([None, *songs]):
    if before is not None and before.split == "train" != song.split:
      turns.keep_to_dealt()
    stems = tuple(
      _stem(player, turns.next(player.instrument), song_s)
      for player in song.players
      if turns.has(player.instrument)
    )
    if stems:
      tracks.append(Track(f"{song.name}{suffix}", song.split, stems))
  return tracks


def _stem(player: Player, patch: Patch, song_s: float) -> Stem:
  return Stem(
    name=player.instrument.replace(" ", "_"),
    instrument=player.instrument,
    family=player.family,
    patch=patch.name,
    read=functools.partial(_read, player, patch, song_s),
    made_from=(patch.soundfont,),
  )


def _read(
  player: Player, patch: Patch, song_s: float
) -> tuple[Float32[np.ndarray, "samples 2"], int]:
  drums = player.instrument == DRUMS
  notes = player.part.notes
  if not drums:
    notes = fit_to_range(notes, patch.low, patch.high)
  return render(
    patch.soundfont,
    midi_bytes(notes, program=patch.number, drums=drums, length_s=song_s),
    length_s=song_s,
    level_db=player.level_db,
  )
