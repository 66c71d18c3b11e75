"""What episodes draw, checked before any of them is drawn."""

import math
from typing import NamedTuple

from ml_collections import ConfigDict

from fewshot_mss.data.catalogue import SPLITS, TRAIN, Catalogue
from fewshot_mss.errors import InputError

# Fields that are no leaf of `config.data` under that name.
_SAMPLES = ("sample_rate_hz", "mixture_samples", "example_samples")

# A cathedral's.
_MAX_REVERB_S = 10.0
# Twice as fast; of longer excerpts segments hold too little.
_MAX_SPEED_SEMITONES = 12.0


class EpisodeSettings(NamedTuple):
  """What an episode draws; the fields of `config.data` in samples.

  `default_config.py` says what each one means. Without the last of them an
  episode is plain: stems of one song as they are, one instrument a query, all
  examples there and from other songs.
  """

  sample_rate_hz: int
  mixture_samples: int
  example_samples: int
  num_queries: int
  max_positives: int
  max_negatives: int
  min_sources: int
  max_sources: int
  random_mix_share: float = 0.0
  several_sources_share: float = 0.0
  absent_share: float = 0.0
  same_track_share: float = 0.0
  random_shots: bool = False
  drop_positives_share: float = 0.0
  drop_negatives_share: float = 0.0
  gain_db: float = 0.0
  same_family_share: float = 0.0
  eq_db: float = 0.0
  reverb_share: float = 0.0
  reverb_s: float = 0.0
  drive_share: float = 0.0
  speed_semitones: float = 0.0

  @classmethod
  def from_config(cls, config: ConfigDict) -> "EpisodeSettings":
    """Reads the settings from a configuration.

    Args:
      config: As of `default_config.get_config`.

    Returns:
      The settings.

    Raises:
      InputError: If the values of some keys do not go together.
    """
    rate_hz = config.model.sample_rate_hz
    if rate_hz < 1:
      raise InputError(f"model.sample_rate_hz is {rate_hz}: give 1 or more")
    for key in ("mixture_s", "example_s"):
      if not math.isfinite(config.data[key]):
        raise InputError(f"data.{key} is {config.data[key]}: give seconds")
    settings = cls(
      sample_rate_hz=rate_hz,
      mixture_samples=round(config.data.mixture_s * rate_hz),
      example_samples=round(config.data.example_s * rate_hz),
      # All others are leaves of their own names, and none keeps its default.
      **{key: config.data[key] for key in cls._fields if key not in _SAMPLES},
    )
    _check_alone(settings)
    return settings


def _check_alone(settings: EpisodeSettings) -> None:
  for key in ("mixture_samples", "example_samples"):
    if getattr(settings, key) < 1:
      raise InputError(
        f"data.{key.replace('_samples', '_s')} must be above 0 seconds"
      )
  for key in ("num_queries", "min_sources"):
    if getattr(settings, key) < 1:
      raise InputError(f"data.{key} must be at least 1")
  for key in ("max_positives", "max_negatives"):
    if getattr(settings, key) < 0:
      raise InputError(f"data.{key} must not be negative")
  for key in ("gain_db", "eq_db"):
    if not 0 <= getattr(settings, key) < math.inf:
      raise InputError(
        f"data.{key} is {getattr(settings, key)}: give 0 or more"
      )
  if not 0 <= settings.speed_semitones <= _MAX_SPEED_SEMITONES:
    raise InputError(
      f"data.speed_semitones is {settings.speed_semitones}: give 0 to "
      f"{_MAX_SPEED_SEMITONES:g}"
    )
  if not 0 <= settings.reverb_s <= _MAX_REVERB_S:
    raise InputError(
      f"data.reverb_s is {settings.reverb_s}: give 0 to {_MAX_REVERB_S:g} "
      "seconds"
    )
  if settings.reverb_share and not settings.reverb_s:
    raise InputError("data.reverb_share needs data.reverb_s above 0")
  if settings.max_sources < settings.min_sources:
    raise InputError("data.max_sources must not be below data.min_sources")
  if settings.several_sources_share and settings.max_positives == 1:
    raise InputError(
      "data.several_sources_share needs data.max_positives of 2 or more: one "
      "example shows one of the instruments alone"
    )
  for key in settings._fields:
    if key.endswith("_share") and not 0 <= getattr(settings, key) <= 1:
      raise InputError(f"data.{key} is a probability: give 0 to 1")
  if settings.several_sources_share + settings.absent_share > 1:
    raise InputError(
      "data.several_sources_share and data.absent_share must not add up to "
      "more than 1"
    )
  if settings.several_sources_share and settings.max_sources < 3:
    raise InputError(
      "data.several_sources_share needs data.max_sources of 3 or more: two "
      "sources of two would be the mixture itself"
    )


def check_settings(
  settings: EpisodeSettings, catalogue: Catalogue, split: int = TRAIN
) -> None:
  """Checks that a dataset can serve the settings.

  Args:
    settings: What episodes draw.
    catalogue: What there is to draw from.
    split: Which songs.

  Raises:
    InputError: If it cannot, naming the configuration's key.
  """
  if settings.sample_rate_hz != catalogue.sample_rate_hz:
    raise InputError(
      f"model.sample_rate_hz is {settings.sample_rate_hz} but the dataset "
      f"holds {catalogue.sample_rate_hz}: set one or build the other"
    )
  for key in ("mixture_samples", "example_samples"):
    if getattr(settings, key) > catalogue.segment_samples:
      raise InputError(
        f"data.{key.replace('_samples', '_s')} is longer than the dataset's "
        f"segments of {catalogue.segment_samples / catalogue.sample_rate_hz} "
        "seconds: shorten it, or build with a longer --segment_s"
      )
  instruments = len(catalogue.view.split_instruments[split])
  if instruments < 2:
    raise InputError(
      f"data.sources holds fewer than two seen instruments in {SPLITS[split]} "
      "songs: there is nothing to separate them from"
    )
  if instruments < settings.min_sources:
    raise InputError(
      f"data.min_sources is {settings.min_sources} but there are "
      f"{instruments} seen instruments in {SPLITS[split]} songs: lower it"
    )
  if settings.several_sources_share and instruments < 3:
    raise InputError(
      "data.several_sources_share needs three seen instruments, but there are "
      f"two in {SPLITS[split]} songs: set it to 0"
    )
