"""Which timbres of a class are heard, and whose turn it is."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.resampling import to_mono
from fewshot_mss.data.broad_classes import all_broad_classes
from fewshot_mss.data.loudness import set_level
from fewshot_mss.data.synth.effects import apply_effect
from fewshot_mss.data.synth.general_midi import DRUMS
from fewshot_mss.data.synth.notes import fit_to_range, midi_bytes
from fewshot_mss.data.synth.players import Player
from fewshot_mss.data.synth.render import render
from fewshot_mss.data.synth.sampler import play_notes
from fewshot_mss.data.synth.voices import Voice

# Of so many voices that do not sound alike one is kept out of training.
_KEPT_OUT_OF = 4
_FEWEST_TO_KEEP_OUT = 3
# A part moves into a stretch of the instrument's keys as wide as this.
_REGISTER = 24


class Timbre(NamedTuple):
  """A voice through an effect.

  Attributes:
    voice: The sound.
    effect: `` for none, or one that `effects.apply_effect` knows.
  """

  voice: Voice
  effect: str

  @property
  def patch(self) -> str:
    """Its name in the catalogue."""
    return self.voice.name + (f" + {self.effect}" if self.effect else "")


def timbres_of(voices: Sequence[Voice]) -> list[Timbre]:
  """Returns every voice of a class as it is and through each of its effects."""
  effects = {item.name: item.effects for item in all_broad_classes().values()}
  return [
    Timbre(voice, effect)
    for voice in voices
    for effect in ("", "eq", *effects[voice.instrument])
  ]


def keep_out(
  rng: np.random.Generator, voices: Sequence[Voice]
) -> tuple[list[Voice], list[Voice]]:
  """Draws the voices of a class that training shall not hear.

  Of voices that sound alike all or none are kept out; of four others about one
  is, and none where there are fewer than three.

  Args:
    rng: Of the draw.
    voices: Of one class.

  Returns:
    Those that training hears, and the others.
  """
  groups = sorted({voice.alike for voice in voices})
  if len(groups) < _FEWEST_TO_KEEP_OUT:
    return list(voices), []
  count = max(1, len(groups) // _KEPT_OUT_OF)
  out = set(rng.permutation(groups)[:count].tolist())
  return (
    [voice for voice in voices if voice.alike not in out],
    [voice for voice in voices if voice.alike in out],
  )


class TimbreTurns:
  """Deals the timbres of each class in turn."""

  def __init__(
    self, rng: np.random.Generator, timbres: Mapping[str, Sequence[Timbre]]
  ):
    """Keeps what can be dealt.

    Args:
      rng: Of the order.
      timbres: Of each class.
    """
    self._rng = rng
    self._timbres = {name: list(held) for name, held in timbres.items()}
    self._decks: dict[str, list[Timbre]] = collections.defaultdict(list)
    self._dealt: dict[str, set[Timbre]] = collections.defaultdict(set)

  def has(self, instrument: str) -> bool:
    """Returns whether a class has a timbre."""
    return bool(self._timbres.get(instrument))

  def next(self, instrument: str) -> Timbre:
    """Returns the next timbre of a class that has one."""
    deck = self._decks[instrument]
    if not deck:
      held = self._timbres[instrument]
      deck += [held[i] for i in self._rng.permutation(len(held))]
    timbre = deck.pop()
    self._dealt[instrument].add(timbre)
    return timbre

  def keep_to_dealt(self) -> None:
    """Deals from now on no other timbre of a class than before."""
    self._decks.clear()
    for name, dealt in self._dealt.items():
      self._timbres[name] = sorted(dealt, key=lambda timbre: timbre.patch)


@dataclasses.dataclass(frozen=True)
class Performance:
  """A part, ready to be played.

  Attributes:
    player: The part and its level.
    timbre: What it is played with.
    song_s: Length of the song.
    seed: Of the register and of the effect's setting.
  """

  player: Player
  timbre: Timbre
  song_s: float
  seed: int

  def __call__(self) -> tuple[Float32[np.ndarray, "samples 1"], int]:
    """Returns its sound and the rate in Hz."""
    sound, rate_hz = self._played(self.timbre.voice)
    alone = apply_effect(self.timbre.effect, sound, rate_hz, self.seed)
    set_level(alone, rate_hz, self.player.level_db)
    return alone, rate_hz

  def _played(
    self, voice: Voice
  ) -> tuple[Float32[np.ndarray, "samples 1"], int]:
    notes = self.player.part.notes
    drums = voice.instrument == DRUMS
    if not drums:
      room = max(0, voice.high - voice.low - _REGISTER)
      low = voice.low + int(
        np.random.default_rng([self.seed, 1]).integers(room + 1)
      )
      notes = fit_to_range(notes, low, min(voice.high, low + _REGISTER))
    if voice.number is None:
      return play_notes(voice.place, notes, self.song_s)
    midi = midi_bytes(
      notes, program=voice.number, drums=drums, length_s=self.song_s
    )
    sound, rate_hz = render(
      voice.place, midi, length_s=self.song_s, level_db=None
    )
    return to_mono(sound)[:, np.newaxis], rate_hz
