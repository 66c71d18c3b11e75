"""Episodes drawn from a small catalogue, and what they ask."""

import jaxtyping
import numpy as np

from fewshot_mss.data.catalogue import TRAIN
from fewshot_mss.data.episode_settings import EpisodeSettings, check_settings
from fewshot_mss.data.episodes import (
  NO_RECORD,
  episode_spec,
)

SEEN = ("cello", "drums", "flute", "horn", "piano", "violin")


def _lines():
  """Eight songs of four of six instruments, two moments silent, two splits.

  The lyre is unseen, and song 0 has it; the old violin is an unheard timbre,
  and song 1 has it. Songs 1 and 5 have two drums.
  """
  lines = []
  for song in range(8):
    split = "test" if song > 5 else "train"
    for part in range(4):
      name = SEEN[(song + part) % len(SEEN)]
      for start in range(6):
        if (song + part + start) % 5:
          levels = "-20,-90,-20,-90" if part % 2 else "-20,-20,-20,-20"
          lines.append(f"{split} song{song} {name} {start} p {levels}")
    if song in (1, 5):
      lines += [f"{split} song{song} drums_2 {start}" for start in range(6)]
  lines += [f"train song0 lyre {start}" for start in range(6)]
  lines += [f"train song1 violin {start} old" for start in range(6)]
  return "\n".join(lines)


LINES = _lines()


def settings(**changes):
  defaults = EpisodeSettings(
    sample_rate_hz=16,
    mixture_samples=8,
    example_samples=8,
    num_queries=2,
    max_positives=3,
    max_negatives=2,
    min_sources=2,
    max_sources=4,
    random_mix_share=0.5,
    gain_db=6.0,
  )
  return defaults._replace(**changes)


def draw(catalogue, count=2000, seed=3, split=TRAIN, **changes):
  chosen = settings(**changes)
  check_settings(chosen, catalogue, split)
  specs = []
  for index in range(count):
    # Shapes are checked on the first ones; the check costs more than a draw.
    jaxtyping.config.update("jaxtyping_disable", index >= 20)
    specs.append(episode_spec(seed, index, catalogue, chosen, split))
  jaxtyping.config.update("jaxtyping_disable", False)
  return specs


EVERYTHING = {
  "random_mix_share": 0.4,
  "several_sources_share": 0.3,
  "absent_share": 0.2,
  "same_track_share": 0.7,
  "random_shots": True,
  "drop_negatives_share": 0.25,
}


def there(rows):
  return rows[rows != NO_RECORD]


def queries(specs):
  """Yields (spec, q) of all queries that are asked."""
  for spec in specs:
    for q in np.flatnonzero(spec.query_mask):
      yield spec, q


def equal(one, other):
  return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def asked(catalogue, spec, q):
  """The instruments of the target, from its sources."""
  held = catalogue.instrument[spec.source_records]
  return set(held[spec.target_sources[q]].tolist())
