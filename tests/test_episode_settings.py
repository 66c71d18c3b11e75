"""Settings are read in samples, and refused with the key's name."""

import pytest

from fewshot_mss.data.catalogue import TEST, VALIDATION
from fewshot_mss.data.episode_settings import EpisodeSettings, check_settings
from fewshot_mss.default_config import get_config
from fewshot_mss.errors import InputError

LINES = """
train a violin 0
train a drums  0
train a horn   0
test  b violin 0
test  b drums  0
validation c violin 0
"""


def settings(rate_hz=16, **data):
  config = get_config()
  config.model.sample_rate_hz = rate_hz
  config.data.update({"mixture_s": 0.5, "example_s": 1.0, **data})
  return EpisodeSettings.from_config(config)


def test_every_field_comes_from_its_own_key():
  data = {
    "mixture_s": 0.25,
    "example_s": 0.7,
    "num_queries": 3,
    "max_positives": 7,
    "max_negatives": 5,
    "min_sources": 4,
    "max_sources": 6,
    "random_mix_share": 0.1,
    "several_sources_share": 0.2,
    "absent_share": 0.3,
    "same_track_share": 0.4,
    "random_shots": True,
    "drop_positives_share": 0.5,
    "drop_negatives_share": 0.6,
    "gain_db": 8.0,
  }
  # 0.7 s of 16 Hz are 11.2 samples.
  assert settings(**data) == EpisodeSettings(
    sample_rate_hz=16,
    mixture_samples=4,
    example_samples=11,
    **{k: v for k, v in data.items() if not k.endswith("_s")},
  )


@pytest.mark.parametrize(
  ("data", "message"),
  [
    ({"mixture_s": 0.0}, "data.mixture_s must be above 0"),
    ({"example_s": -1.0}, "data.example_s must be above 0"),
    ({"mixture_s": float("nan")}, "data.mixture_s is nan"),
    ({"example_s": float("inf")}, "data.example_s is inf"),
    ({"gain_db": -1.0}, "data.gain_db is -1.0"),
    ({"gain_db": float("inf")}, "data.gain_db is inf"),
    ({"gain_db": float("nan")}, "data.gain_db is nan"),
    ({"eq_db": -1.0}, "data.eq_db is -1.0: give 0 or more"),
    ({"reverb_s": -0.1}, "data.reverb_s is -0.1: give 0 to 10 seconds"),
    ({"reverb_s": float("nan")}, "data.reverb_s is nan"),
    ({"reverb_share": 0.5}, "data.reverb_share needs data.reverb_s above 0"),
    ({"drive_share": 2.0}, "data.drive_share is a probability"),
    ({"same_family_share": -1.0}, "data.same_family_share is a probability"),
    ({"num_queries": 0}, "data.num_queries must be at least 1"),
    ({"min_sources": 0}, "data.min_sources must be at least 1"),
    ({"max_positives": -1}, "data.max_positives must not be negative"),
    ({"max_negatives": -1}, "data.max_negatives must not be negative"),
    ({"max_sources": 1}, "data.max_sources must not be below"),
    ({"random_mix_share": 1.1}, "data.random_mix_share is a probability"),
    ({"absent_share": -0.1}, "data.absent_share is a probability"),
    ({"same_track_share": float("nan")}, "data.same_track_share is a prob"),
    (
      {"absent_share": 0.6, "several_sources_share": 0.5},
      "must not add up to more than 1",
    ),
    (
      {"several_sources_share": 0.1, "max_sources": 2},
      "needs data.max_sources of 3",
    ),
    (
      {"several_sources_share": 0.1, "max_positives": 1},
      "needs data.max_positives of 2",
    ),
  ],
)
def test_values_that_make_no_sense_are_refused_by_key(data, message):
  with pytest.raises(InputError, match=message):
    settings(**data)


def test_a_rate_of_nothing_is_refused_by_key():
  with pytest.raises(InputError, match=r"model\.sample_rate_hz is 0"):
    settings(rate_hz=0)


@pytest.mark.parametrize(
  "data",
  [
    {"max_positives": 0, "several_sources_share": 0.5},
    {"absent_share": 0.5, "several_sources_share": 0.5},
    {"min_sources": 1, "max_sources": 1},
    {"max_negatives": 0, "drop_negatives_share": 1.0},
  ],
)
def test_values_at_the_edge_are_taken(data):
  assert settings(**data)


@pytest.mark.parametrize(
  ("kwargs", "message"),
  [
    ({"rate_hz": 8}, "model.sample_rate_hz is 8 but the dataset holds 16"),
    ({"mixture_s": 1.1}, r"data.mixture_s is longer .* segments of 1\.0 s"),
    ({"example_s": 2.0}, "data.example_s is longer"),
    (
      {"min_sources": 4},
      "data.min_sources is 4 but .* 3 seen instruments in train",
    ),
  ],
)
def test_what_a_dataset_cannot_serve_is_refused(catalogue_of, kwargs, message):
  with pytest.raises(InputError, match=message):
    check_settings(settings(**kwargs), catalogue_of(LINES))


def test_whole_segments_can_be_served(catalogue_of):
  data = {"mixture_s": 1.0, "min_sources": 3, "several_sources_share": 0.5}
  check_settings(settings(**data), catalogue_of(LINES))


def test_each_split_needs_instruments_of_its_own(catalogue_of):
  catalogue = catalogue_of(LINES)
  with pytest.raises(InputError, match=r"fewer than two seen .* validation"):
    check_settings(settings(), catalogue, VALIDATION)
  check_settings(settings(), catalogue, TEST)
  with pytest.raises(InputError, match=r"three seen instruments.* in test"):
    check_settings(settings(several_sources_share=0.5), catalogue, TEST)


def test_unseen_instruments_do_not_count(catalogue_of):
  catalogue = catalogue_of(LINES, unseen=("drums", "horn"))
  with pytest.raises(InputError, match=r"fewer than two seen .* train"):
    check_settings(settings(), catalogue)
