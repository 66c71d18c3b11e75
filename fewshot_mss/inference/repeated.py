"""Examples that are there for two things at once, which says nothing."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from fewshot_mss.inference.coach import names_of
from fewshot_mss.inference.conditions import Ask
from fewshot_mss.inference.listener import HeardClip, Sound, sound_of
from fewshot_mss.inference.profiles import POSITIVE, ProfileExample


def find_repeated(asks: Mapping[str, Ask]) -> dict[str, list[str]]:
  """Looks for the same sound among targets, their negatives and profiles.

  Args:
    asks: What is asked for each target, by its name; all examples are heard.

  Returns:
    Advice for each target, a line for all examples of one kind.
  """
  advice: dict[str, list[str]] = {name: [] for name in asks}
  for name, ask in asks.items():
    shown = _sounds(ask.positives)
    both = shown.keys() & _sounds(ask.negatives).keys()
    if both:
      advice[name].append(
        f"{_named(shown, both)}: given as what shows {name} and as what is not "
        "meant, too; leave it out of one of them"
      )
    for profile in ask.profiles:
      held = {_kept(e) for e in profile.examples if e.kind == POSITIVE}
      if both := shown.keys() & held:
        advice[name].append(
          f"{_named(shown, both)}: in the profile {profile.name}, too, and "
          "would weigh double; leave it out"
        )
  for first, second in itertools.combinations(asks, 2):
    shown = _sounds(asks[second].positives)
    both = shown.keys() & _sounds(asks[first].positives).keys()
    if both:
      advice[second].append(
        f"{_named(shown, both)}: given for {first} and for {second}, which it "
        "cannot tell apart; leave it out of one of them"
      )
  return advice


def _sounds(clips: Sequence[object]) -> dict[Sound, str]:
  """Returns the names of examples by what they sound like."""
  return {
    sound_of(clip.facts): Path(clip.name).name
    for clip in cast(Sequence[HeardClip], clips)
  }


def _kept(example: ProfileExample) -> Sound:
  return example.sha256, example.length_s


def _named(shown: Mapping[Sound, str], some: set[Sound]) -> str:
  return names_of([name for sound, name in shown.items() if sound in some])
