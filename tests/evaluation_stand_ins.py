"""Systems whose figures are known, and what asks them."""

import numpy as np

from fewshot_mss.data.episode_audio import read_episode
from fewshot_mss.data.evaluation_list import (
  whole_segment_settings,
)
from fewshot_mss.evaluation import evaluate as evaluation
from fewshot_mss.evaluation import scores
from fewshot_mss.evaluation.summary import find_row, summarise, verdict

SHOTS = (1, 3)
BATCH = 3


def episodes_by_sound(items, reader, catalogue):
  """The episode of each item, by its mixture and its first example."""
  settings = whole_segment_settings(catalogue)
  episodes = [read_episode(item.spec, reader, settings) for item in items]
  found = {
    (e.mixture.tobytes(), e.support.positives[0, 0].tobytes()): e
    for e in episodes
  }
  assert len(found) == len(items)
  return found


def scorer(items, reader, catalogue):
  """Returns what scores a function of (mixture, support, shots, query)."""

  def run(answer, **changes):
    settings = {
      "shots": SHOTS,
      "max_negatives": 2,
      "batch": BATCH,
      "collapse_db": -30.0,
      "n_fft": 64,
      "hop_samples": 16,
      "progress": False,
    } | changes

    def separate(mixture, support):
      return np.stack(
        [
          answer(mixture, support, k, query)
          for k in settings["shots"]
          for query in (0, 1)
        ],
        axis=1,
      )

    return evaluation.evaluate_items(
      items, reader, catalogue, separate, **settings
    )

  return run


def stand_ins(truth):
  """What perfect systems say: the target or the rest of each mixture."""

  def target(mixture, support):
    keys = [
      (m.tobytes(), s.tobytes())
      for m, s in zip(mixture, support.positives[:, 0, 0], strict=True)
    ]
    silence = np.zeros_like(mixture[0])
    return np.stack(
      [truth[key].targets[0] if key in truth else silence for key in keys]
    )

  return {
    "perfect": lambda mixture, support, k, query: (
      mixture - target(mixture, support) if query else target(mixture, support)
    ),
    "silent": lambda mixture, *_: np.zeros_like(mixture),
    "copying": lambda mixture, *_: mixture,
    # Half the rest stays, whatever it is asked.
    "deaf": lambda mixture, support, *_: (
      (mixture + target(mixture, support)) / 2
    ),
  }


def rows(found, system, shots=None):
  return [r for r in found if (r.system, r.shots) == (system, shots)]


def headline(found, group="seen"):
  summary = summarise(found, bootstrap_samples=200)
  systems = summary["groups"][group]["systems"]
  return (
    verdict(summary),
    find_row(systems, shots=SHOTS[-1], system=scores.MODEL),
    find_row(summary["groups"][group]["wrong_query_cost"], shots=SHOTS[-1]),
  )
