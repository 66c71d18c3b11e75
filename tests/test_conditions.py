"""What is asked for several targets: who shows what to whom."""

import dataclasses

import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.inference.conditions import Ask, check_conditions
from fewshot_mss.inference.listener import Heard
from fewshot_mss.inference.profiles import Profile
from fewshot_mss.inference.separator import Separator
from tiny_archive import write_archive

RATE_HZ = 8000
LOW, HIGH, NOISE = (
  np.sin(2 * np.pi * hz * np.arange(4000) / RATE_HZ).astype(np.float32)
  for hz in (110, 880, 1770)
)


@pytest.fixture(scope="module")
def separators(tmp_path_factory):
  folder = tmp_path_factory.mktemp("models")
  return {
    kind: Separator.from_pretrained(
      write_archive(folder / kind, conditioning=kind)
    )
    for kind in ("examples", "examples_and_negatives", "class")
  }


def _profile(separator, positives, negatives=()):
  listener = separator.listener
  return Profile(
    "horn",
    separator.archive.content_hash,
    listener.hear(positives, RATE_HZ, "positive"),
    listener.hear(negatives, RATE_HZ, "negative"),
  )


def test_the_same_sound_is_embedded_once(separators, monkeypatch):
  listener = separators["examples"].listener
  embed, lengths = listener.embed, []

  def counted(samples):
    lengths.append(len(samples))
    return embed(samples)

  monkeypatch.setattr(listener, "embed", counted)
  known = {}
  first = listener.hear_each([LOW, HIGH, LOW], RATE_HZ, "positive", known)
  again = listener.hear_each([HIGH.copy(), NOISE], RATE_HZ, "negative", known)
  assert lengths == [4000] * 3
  assert [clip.name for clip in first + again] == [
    *(f"positive example {number}" for number in (1, 2, 3)),
    *(f"negative example {number}" for number in (1, 2)),
  ]
  for one, other in ((first[0], first[2]), (first[1], again[0])):
    np.testing.assert_array_equal(one.embedding, other.embedding)
  # The same samples at half the rate are another sound.
  (slow,) = listener.hear_each([LOW], RATE_HZ // 2, "positive", known)
  assert len(lengths) == 4
  assert not np.array_equal(slow.embedding, first[0].embedding)


def test_other_targets_are_negatives(separators):
  separator = separators["examples_and_negatives"]
  asked = separator.conditions(
    [Ask([LOW]), Ask([HIGH], [NOISE])], rate_hz=RATE_HZ
  )
  expected = [
    separator.condition(positives=[LOW], negatives=[HIGH], rate_hz=RATE_HZ),
    separator.condition(
      positives=[HIGH], negatives=[NOISE, LOW], rate_hz=RATE_HZ
    ),
  ]
  np.testing.assert_array_equal(asked, expected)


def test_a_model_without_negatives_is_asked_target_by_target(separators):
  separator = separators["examples"]
  asked = separator.conditions([Ask([LOW]), Ask([HIGH])], rate_hz=RATE_HZ)
  for condition, clip in zip(asked, (LOW, HIGH), strict=True):
    np.testing.assert_array_equal(
      condition, separator.condition(positives=[clip], rate_hz=RATE_HZ)
    )


def test_a_profile_weighs_as_its_examples(separators):
  separator = separators["examples_and_negatives"]
  profile = _profile(separator, [LOW, NOISE], [HIGH])
  (asked,) = separator.conditions(
    [Ask([HIGH], profiles=[profile])], rate_hz=RATE_HZ
  )
  np.testing.assert_array_equal(
    asked,
    separator.condition(
      positives=[NOISE, HIGH, LOW], negatives=[HIGH], rate_hz=RATE_HZ
    ),
  )


def test_a_profile_of_another_model_is_refused(separators):
  separator = separators["examples"]
  profile = _profile(separator, [LOW])
  strange = dataclasses.replace(profile, model_hash="0" * 64)
  with pytest.raises(InputError, match=r"profile horn .*another model"):
    separator.conditions([Ask(profiles=[strange])])
  with pytest.raises(InputError, match="by instrument"):
    separators["class"].conditions([Ask(profiles=[profile])])


def test_a_profile_made_up_for_the_model_is_refused(separators):
  separator = separators["examples"]
  profile = _profile(separator, [LOW])
  short = Heard(profile.positive.total[:4], 1)
  made_up = dataclasses.replace(profile, positive=short, negative=short)
  with pytest.raises(InputError, match="horn holds 4 numbers, this model take"):
    separator.conditions([Ask(profiles=[made_up])])


def test_one_condition_is_not_taken_for_many_targets(separators):
  # In tests alone, types are checked before `stream` itself does.
  one = separators["examples"].condition(positives=[LOW], rate_hz=RATE_HZ)
  with pytest.raises(InputError, match=r"shape \(6,\).* condition\[None\]"):
    check_conditions(one, 6)
  check_conditions(one[None], 6)


def test_classes_are_asked_by_name(separators):
  separator = separators["class"]
  asked = separator.conditions([Ask(instrument="horn"), Ask(instrument="bass")])
  np.testing.assert_array_equal(
    asked[0], separator.condition(instrument="horn")
  )
  assert np.abs(asked[0] - asked[1]).max() > 0
