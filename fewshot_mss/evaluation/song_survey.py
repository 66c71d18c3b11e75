"""What plays where in a folder of songs: read once, to draw examples from.

Time is cut into slots of the length of an example, from the song's beginning
on; what is left at its end is in no slot.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from fewshot_mss.audio.levels import power_db
from fewshot_mss.audio.resampling import to_mono
from fewshot_mss.data.tracks import Stem, Track
from fewshot_mss.evaluation.song_sound import read_stem


class StemSurvey(NamedTuple):
  """What reading a stem found.

  Attributes:
    name: Of the stem.
    instrument: Its class.
    duration_s: Its length.
    levels_db: RMS level of its mono sound in each slot, below full scale.
  """

  name: str
  instrument: str
  duration_s: float
  levels_db: tuple[float, ...]


class SongSurvey(NamedTuple):
  """What reading a song found.

  Attributes:
    name: Of the song.
    stems: Its stems, by name.
  """

  name: str
  stems: tuple[StemSurvey, ...]

  @property
  def num_slots(self) -> int:
    """How many slots the longest stem fills."""
    return max((len(stem.levels_db) for stem in self.stems), default=0)

  @property
  def instruments(self) -> tuple[str, ...]:
    """The instruments of its stems, sorted."""
    return tuple(sorted({stem.instrument for stem in self.stems}))

  def levels_db(self, instrument: str) -> Float[np.ndarray, " slots"]:
    """Returns the level of an instrument in each slot, its stems together."""
    power = np.zeros(self.num_slots)
    for stem in self.stems:
      if stem.instrument == instrument:
        power[: len(stem.levels_db)] += 10 ** (np.array(stem.levels_db) / 10)
    return power_db(power)


def survey_songs(
  tracks: Sequence[Track], *, example_s: float, progress: bool = True
) -> list[SongSurvey]:
  """Reads all songs, one stem after the other.

  Args:
    tracks: The songs.
    example_s: Length of a slot, in seconds.
    progress: Whether to show a bar with the time left.

  Returns:
    What they hold, by name.

  Raises:
    InputError: If a stem cannot be read.
  """
  shown = tqdm(
    sorted(tracks, key=lambda track: track.name),
    desc="look for examples",
    unit="song",
    disable=not progress,
  )
  return [
    SongSurvey(
      track.name,
      tuple(
        _survey(track.name, stem, example_s)
        for stem in sorted(track.stems, key=lambda stem: stem.name)
      ),
    )
    for track in shown
  ]


def _survey(song: str, stem: Stem, example_s: float) -> StemSurvey:
  samples, rate_hz = read_stem(song, stem)
  mono = to_mono(samples)
  slot_samples = round(example_s * rate_hz)
  count = len(mono) // slot_samples
  slots = mono[: count * slot_samples].reshape(count, slot_samples)
  levels_db = power_db(np.mean(np.square(slots, dtype=np.float64), axis=1))
  return StemSurvey(
    stem.name,
    stem.instrument,
    len(samples) / rate_hz,
    tuple(levels_db.tolist()),
  )
