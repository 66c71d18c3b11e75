"""Songs made here, of broad classes: an instrument in many timbres.

Each class of `broad_classes.csv` is heard through several programs of several
SoundFonts, recorded notes, effects and registers, and through real solos.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fewshot_mss.data.broad_classes import broad_class
from fewshot_mss.data.labels import look_up
from fewshot_mss.data.layouts.medley_solos_db import medley_solos_db
from fewshot_mss.data.synth.casting import draw_unseen
from fewshot_mss.data.synth.general_midi import DRUMS, PROGRAMS
from fewshot_mss.data.synth.instrument_classes import InstrumentClass
from fewshot_mss.data.synth.players import Song, cast_parts
from fewshot_mss.data.synth.render import check_playable
from fewshot_mss.data.synth.sampler import keys_of
from fewshot_mss.data.synth.scores import (
  Score,
  composed_scores,
  folder_scores,
)
from fewshot_mss.data.synth.soundfont import default_soundfont, load_soundfont
from fewshot_mss.data.synth.timbres import (
  Performance,
  TimbreTurns,
  keep_out,
  timbres_of,
)
from fewshot_mss.data.synth.voices import (
  Voice,
  by_class,
  font_voices,
  note_voices,
)
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError

_VALIDATION_SHARE, _TEST_SHARE = 0.1, 0.3
# More say no more: what is above is for training.
_MOST_VALIDATION, _MOST_TEST = 40, 120
_MIN_SONGS = 6
_MIN_SONG_S = 2.0
KEPT_OUT = "kept_out"


@dataclasses.dataclass(frozen=True)
class BroadSettings:
  """What to make.

  Attributes:
    num_songs: Composed songs, of all splits.
    song_s: Length of a song.
    seed: Of all draws.
    soundfonts: .sf2 files; none is TimGM6mb alone.
    unheard_soundfonts: Others: the test songs come in each of them, too.
    midi_folders: Of MIDI files, each of which is a training song more.
    notes: Folders of recorded notes, see `synth/sampler.py`.
    solos: Medley-solos-DB, whose own training part is heard, too.
    num_unseen: Classes kept out of training.
  """

  num_songs: int = 120
  song_s: float = 24.0
  seed: int = 0
  soundfonts: tuple[Path, ...] = ()
  unheard_soundfonts: tuple[Path, ...] = ()
  midi_folders: tuple[Path, ...] = ()
  notes: tuple[Path, ...] = ()
  solos: Path | None = None
  num_unseen: int = 20


def broad(settings: BroadSettings) -> TrackSet:
  """Writes and casts songs; their stems are rendered when they are read.

  Of the composed songs a tenth are for validation and three for the test, at
  most 40 and 120. A class of three voices or more keeps some out of training:
  the test songs come in these once more (`..._kept_out`), as they do in every
  unheard SoundFont. Of each family the classes of fewest timbres are unseen.

  Args:
    settings: What to make.

  Returns:
    The songs.

  Raises:
    InputError: If a setting is out of range, a SoundFont, MIDI file or folder
      cannot be used, or there are too few songs.
  """
  _check(settings)
  heard, unheard = _voices(settings)
  classes = [
    _class(name, held[0].family)
    for name, held in heard.items()
    if name != DRUMS
  ]
  rng = np.random.default_rng(settings.seed)
  breadth = {name: len(timbres_of(held)) for name, held in heard.items()}
  unseen = draw_unseen(rng, classes, settings.num_unseen, breadth=breadth)
  songs = cast_parts(rng, _scores(settings), classes, unseen)
  trained, out = {}, {}
  for name, held in heard.items():
    # Of an unseen class training hears nothing anyway.
    kept = (held, []) if name in unseen else keep_out(rng, held)
    trained[name], out[name] = (timbres_of(voices) for voices in kept)
  cast = _Cast(settings, rng)
  tracks = cast.tracks(songs, TimbreTurns(rng, trained))
  tests = [song for song in songs if song.split == "test"]
  originals = {track.name: track for track in tracks}
  if any(out.values()):
    again = cast.tracks(tests, TimbreTurns(rng, out), suffix=f"_{KEPT_OUT}")
    tracks += [_completed(track, originals) for track in again]
  for path in settings.unheard_soundfonts:
    of_font = {
      name: timbres_of([voice for voice in held if voice.place == path])
      for name, held in unheard.items()
    }
    tracks += cast.tracks(tests, TimbreTurns(rng, of_font), f"_{path.stem}")
  solos = _solos(settings.solos) if settings.solos else ()
  return TrackSet(
    tracks=(*tracks, *solos),
    unseen=unseen,
    unheard_patches=tuple(
      sorted(
        {t.patch for held in out.values() for t in held}
        | {t.patch for held in unheard.values() for t in timbres_of(held)}
      )
    ),
    sources=_sources(settings),
  )


def _check(settings: BroadSettings) -> None:
  if settings.song_s < _MIN_SONG_S:
    raise InputError(
      f"song_s is {settings.song_s}: give at least {_MIN_SONG_S} seconds"
    )
  if settings.num_songs < _MIN_SONGS:
    raise InputError(
      f"num_songs is {settings.num_songs}: give at least {_MIN_SONGS}"
    )


def _voices(
  settings: BroadSettings,
) -> tuple[dict[str, list[Voice]], dict[str, list[Voice]]]:
  """Returns the voices of each class, and those that are for the test."""
  heard = settings.soundfonts or (default_soundfont(),)
  paths = (*heard, *settings.unheard_soundfonts)
  names = [path.stem for path in paths]
  for path in paths:
    if names.count(path.stem) > 1:
      raise InputError(
        f"two SoundFonts are named {path.stem}: give another, or rename one"
      )
  fonts = {path: load_soundfont(path) for path in paths}
  for path in paths:
    check_playable(path)
  ours, others = font_voices(
    [(path, fonts[path]) for path in heard],
    [(path, fonts[path]) for path in settings.unheard_soundfonts],
  )
  return by_class([*ours, *note_voices(settings.notes)]), by_class(others)


def _class(name: str, family: str) -> InstrumentClass:
  programs = tuple(
    program.number
    for program in PROGRAMS
    if broad_class(look_up("general_midi", program.name).instrument).name
    == name
  )
  return InstrumentClass(name, family, programs, apart=True)


def _scores(settings: BroadSettings) -> list[list[Score]]:
  count = settings.num_songs
  validation = min(max(2, round(count * _VALIDATION_SHARE)), _MOST_VALIDATION)
  test = min(max(2, round(count * _TEST_SHARE)), _MOST_TEST)
  scores = composed_scores(
    settings.seed,
    (count - validation - test, validation, test),
    settings.song_s,
  )
  for folder in settings.midi_folders:
    # All for training: files of one work may not be on both sides.
    scores[0] += folder_scores(
      settings.seed, folder, most=None, song_s=settings.song_s
    )
  return scores


@dataclasses.dataclass(frozen=True)
class _Cast:
  """Gives timbres to the players of songs.

  Attributes:
    settings: Of the layout.
    rng: Of the seeds of the performances.
  """

  settings: BroadSettings
  rng: np.random.Generator

  def tracks(
    self, songs: Sequence[Song], turns: TimbreTurns, suffix: str = ""
  ) -> list[Track]:
    """Returns the songs; players without a timbre stay out.

    Songs of training come first; the others keep to what it has heard.
    """
    tracks = []
    is_training = bool(songs) and songs[0].split == "train"
    for song in songs:
      if is_training and song.split != "train":
        turns.keep_to_dealt()
        is_training = False
      stems = tuple(
        self._stem(
          Performance(
            player,
            turns.next(player.instrument),
            self.settings.song_s,
            int(self.rng.integers(2**31)),
          )
        )
        for player in song.players
        if turns.has(player.instrument)
      )
      if stems:
        # Songs of another seed are others.
        name = f"broad_{self.settings.seed}_{song.name}{suffix}"
        tracks.append(Track(name, song.split, stems))
    return tracks

  def _stem(self, performance: Performance) -> Stem:
    voice = performance.timbre.voice
    played = (
      tuple(keys_of(voice.place).values())
      if voice.number is None
      else (voice.place,)
    )
    return Stem(
      name=voice.instrument.replace(" ", "_"),
      instrument=voice.instrument,
      family=voice.family,
      patch=performance.timbre.patch,
      read=performance,
      made_from=played,
    )


def _completed(track: Track, originals: dict[str, Track]) -> Track:
  """Adds the stems that a song has in no other timbre than before."""
  original = originals[track.name.removesuffix(f"_{KEPT_OUT}")]
  others = {stem.name: stem for stem in track.stems}
  return dataclasses.replace(
    track,
    stems=tuple(others.get(stem.name, stem) for stem in original.stems),
  )


def _solos(root: Path) -> tuple[Track, ...]:
  """Returns the recordings that Medley-solos-DB has for training."""
  held = medley_solos_db(root, classes="broad")
  return tuple(track for track in held.tracks if track.split == "train")


def _sources(settings: BroadSettings) -> tuple[str, ...]:
  fonts = settings.soundfonts or (default_soundfont(),)
  return (
    "procedural songs",
    *(f"MIDI files of {f.resolve().name}" for f in settings.midi_folders),
    *(path.name for path in (*fonts, *settings.unheard_soundfonts)),
    *(f"notes of {folder.resolve().name}" for folder in settings.notes),
    *(("Medley-solos-DB",) if settings.solos else ()),
  )
