"""Examples that are there for two things at once."""

import numpy as np

from fewshot_mss.audio.clip_facts import ClipFacts
from fewshot_mss.inference.conditions import Ask
from fewshot_mss.inference.listener import HeardClip
from fewshot_mss.inference.profiles import make_profile
from fewshot_mss.inference.repeated import find_repeated


def clip(name, sound, length_s=1.0):
  facts = ClipFacts(length_s, -20.0, 0.0, 0.0, f"{sound:064x}")
  return HeardClip(f"folder/{name}", facts, np.ones(3, np.float32))


def test_what_is_there_once_is_not_mentioned():
  asks = {"a": Ask([clip("x", 1)], [clip("y", 2)]), "b": Ask([clip("z", 3)])}
  assert find_repeated(asks) == {"a": [], "b": []}
  # The same samples at another rate are another sound.
  asks["c"] = Ask([clip("x", 1, length_s=2.0)])
  assert find_repeated(asks)["c"] == []
  # What one is not, another may be.
  asks["d"] = Ask([clip("y", 2)])
  assert find_repeated(asks)["d"] == []


def test_all_that_two_share_is_one_line():
  some = [clip(f"{number}.wav", number) for number in range(9)]
  copies = [clip(f"copy {number}.wav", number) for number in range(9)]
  advice = find_repeated({"a": Ask(some), "b": Ask(), "c": Ask(copies)})
  assert advice == {
    "a": [],
    "b": [],
    "c": [
      "copy 0.wav, copy 1.wav, copy 2.wav and 6 others: given for a and for c, "
      "which it cannot tell apart; leave it out of one of them"
    ],
  }


def test_one_target_may_contradict_itself():
  advice = find_repeated({"a": Ask([clip("x", 1)], [clip("y", 1)])})["a"]
  assert [line.split(":")[0] for line in advice] == ["x"]
  assert "what is not meant" in advice[0]


def test_only_what_a_profile_shows_weighs_double():
  kept = make_profile("horn", "0" * 64, [clip("x", 1)], [clip("y", 2)])
  advice = find_repeated(
    {"a": Ask([clip("z", 1), clip("w", 2)], profiles=[kept])}
  )["a"]
  assert advice == [
    "z: in the profile horn, too, and would weigh double; leave it out"
  ]
