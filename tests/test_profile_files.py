"""Profiles in files: what comes back, and strangers' files that do not."""

import dataclasses
import json
import os

import numpy as np
import pytest
from safetensors.numpy import save

from fewshot_mss.audio.clip_facts import ClipFacts
from fewshot_mss.errors import InputError
from fewshot_mss.inference.listener import HeardClip
from fewshot_mss.inference.profile_files import load_profile, save_profile
from fewshot_mss.inference.profiles import Profile, make_profile

MODEL = "ab" * 32


def clip(name, seed, dim=6):
  rng = np.random.default_rng(seed)
  facts = ClipFacts(1.5 + seed, -20.25, 0.0, 0.0, f"{seed:064x}")
  return HeardClip(name, facts, rng.normal(size=dim).astype(np.float32))


def profile():
  return make_profile(
    "Sax ☃",
    MODEL,
    [clip("/home/me/a b.wav@0:02-0:04", 1), clip("c\udcff.wav", 2)],
    [clip("drums.wav", 3)],
    created="2026-12-01",
  )


def assert_equal(one, other):
  for name in ("positive", "negative"):
    a, b = getattr(one, name), getattr(other, name)
    np.testing.assert_array_equal(a.total, b.total)
    assert a.total.dtype == b.total.dtype == np.float64
    assert a.count == b.count
  texts = ("name", "model_hash", "examples", "created", "package_version")
  for name in texts:
    assert getattr(one, name) == getattr(other, name)


def test_what_is_written_comes_back(tmp_path):
  path = tmp_path / "new" / "sax.profile"
  save_profile(path, profile())
  found = load_profile(path)
  assert_equal(found, profile())
  # To the bit, though 0.1 and the like have none exactly.
  total = sum(clip("", n).embedding.astype(np.float64) for n in (1, 2))
  np.testing.assert_array_equal(found.positive.total, total)
  assert [e.name for e in found.examples] == [
    "a b.wav@0:02-0:04",
    "c?.wav",
    "drums.wav",
  ]
  assert found.examples[2].kind == "negative"
  assert found.examples[1].length_s == 3.5
  assert [path.name for path in path.parent.iterdir()] == ["sax.profile"]
  assert path.stat().st_size < 2000


def test_a_profile_may_hold_no_negatives(tmp_path):
  path = tmp_path / "a.profile"
  save_profile(path, make_profile("a", MODEL, [clip("a", 1)]))
  found = load_profile(path)
  assert found.negative.count == 0
  np.testing.assert_array_equal(found.negative.total, np.zeros(6))


def test_what_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
  path = tmp_path / "a.profile"
  save_profile(path, profile())
  before = path.read_bytes()
  many = make_profile("b", MODEL, [clip(f"{n}" * 20, n) for n in range(6000)])
  with pytest.raises(InputError, match="fewer examples"):
    save_profile(path, many)
  with pytest.raises(InputError, match="is a folder"):
    save_profile(tmp_path, profile())
  with pytest.raises(InputError, match=r"cannot be written"):
    save_profile(path / "b.profile", profile())

  def full(*_):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(os, "rename", full)
  monkeypatch.setattr(os, "replace", full)
  with pytest.raises(InputError, match="No space left"):
    save_profile(path, make_profile("b", MODEL, [clip("b", 1)]))
  assert path.read_bytes() == before
  assert [found.name for found in tmp_path.iterdir()] == ["a.profile"]


def test_files_that_are_none(tmp_path):
  path = tmp_path / "a.profile"
  with pytest.raises(InputError, match=r"a\.profile cannot be read \(No such"):
    load_profile(path)
  with pytest.raises(InputError, match="cannot be read"):
    load_profile(tmp_path)
  save_profile(path, profile())
  whole = path.read_bytes()
  deep = save({"a": np.zeros(2)}, {"fewshot_mss_profile": "[" * 100_000})
  for content in (
    b"",
    b"RIFF",
    whole[:-1],
    whole[:50],
    whole + b"x",
    save({"a": np.zeros(2)}),
    save({"a": np.zeros(2)}, {"fewshot_mss_profile": "{"}),
    deep,
  ):
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.profile is no profile"):
      load_profile(path)
  path.write_bytes(bytes(2**20 + 1))
  with pytest.raises(InputError, match="larger than 1048576"):
    load_profile(path)


def described(**changes):
  """The description of `profile()` with changes; None leaves a key out."""
  rows = [dict(example._asdict()) for example in profile().examples]
  base = {
    "format_version": 1,
    "package_version": "0.1.0",
    "name": "Sax",
    "model_hash": MODEL,
    "created": "2026-12-01",
    "counts": {"positive": 2, "negative": 1},
    "examples": rows,
  } | changes
  return {key: value for key, value in base.items() if value is not None}


def write(path, description=None, **tensors):
  held = {"positive_total": np.ones(3), "negative_total": np.ones(3)} | tensors
  content = {key: value for key, value in held.items() if value is not None}
  text = json.dumps(described() if description is None else description)
  path.write_bytes(save(content, {"fewshot_mss_profile": text}))


def row(**changes):
  first, *others = described()["examples"]
  return {"examples": [first | changes, *others]}


def test_the_description_of_the_tests_is_a_good_one(tmp_path):
  write(tmp_path / "a.profile")
  assert load_profile(tmp_path / "a.profile").positive.count == 2


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"format_version": 2}, "format_version 2, this program reads 1"),
    ({"format_version": True}, "format_version True"),
    ({"format_version": None}, "format_version None"),
    ({"name": 5}, "name is no short text"),
    ({"name": "x" * 1001}, "name is no short text"),
    ({"name": "\ud800"}, "name is no text"),
    ({"created": None}, "created is no short text"),
    ({"package_version": []}, "package_version is no short text"),
    ({"model_hash": "AB" * 32}, "model_hash is none"),
    ({"model_hash": "ab" * 31}, "model_hash is none"),
    ({"counts": {"positive": 2}}, "counts lack a kind"),
    ({"counts": {"positive": 2.0, "negative": 1}}, r"positive examples is 2"),
    ({"counts": {"positive": -2, "negative": 1}}, "count of positive"),
    ({"counts": {"positive": 2, "negative": True}}, "count of negative"),
    ({"counts": {"positive": 3, "negative": 1}}, "positive examples are not"),
    ({"counts": {"positive": 2, "negative": 0}}, "negative_total holds imp"),
    ({"counts": {"positive": 0, "negative": 1}}, "positive_total holds imp"),
    ({"examples": {}}, "does not list"),
    ({"examples": [1]}, "described by other words"),
    ({"examples": [{"kind": "positive"}]}, "described by other words"),
    (row(kind="neutral"), "kind or SHA-256"),
    (row(sha256="12"), "kind or SHA-256"),
    (row(name=None), "name is no short text"),
    (row(length_s="1"), "length_s of an example is no number"),
    (row(level_dbfs=True), "level_dbfs of an example is no number"),
    *(
      (row(**{key: value}), f"{key} of an example is impossible")
      for key, values in (
        ("level_dbfs", (float("nan"), float("inf"), -801, 10**400)),
        ("length_s", (float("nan"), float("inf"), 0, -1.5, 1e6, 10**400)),
      )
      for value in values
    ),
    ({"counts": {"positive": 0, "negative": 0}}, "holds impossible numbers"),
    ({"counts": {"positive": 2**21, "negative": 1}}, "count of positive"),
    (row(extra=1), "described by other words"),
  ],
)  # fmt: skip
def test_descriptions_that_are_refused(tmp_path, changes, message):
  path = tmp_path / "a.profile"
  write(path, described(**changes))
  with pytest.raises(InputError, match=rf"a\.profile .*{message}"):
    load_profile(path)


def test_what_is_said_of_a_huge_value_stays_short(tmp_path):
  path = tmp_path / "a.profile"
  huge = ["x" * 1000] * 100
  for changes in (
    {"format_version": huge},
    {"counts": {"positive": huge, "negative": 1}},
  ):
    write(path, described(**changes))
    with pytest.raises(InputError, match=r"\['xxx.*x\.\.\.") as caught:
      load_profile(path)
    assert len(str(caught.value)) < len(str(path)) + 200
  write(path, **{"y" * 1000: np.ones(3)})
  with pytest.raises(InputError, match=r"y\.\.\. is unknown"):
    load_profile(path)


@pytest.mark.parametrize(
  ("tensors", "message"),
  [
    ({"positive_total": np.ones(3, np.float32)}, "no vector of 64-bit"),
    ({"positive_total": np.ones((3, 1))}, "no vector of 64-bit"),
    (dict.fromkeys(("positive_total", "negative_total"), np.ones(0)), "no vec"),
    ({"positive_total": np.ones(4)}, "two vectors of one length"),
    ({"negative_total": None}, "two vectors of one length"),
    ({"neutral_total": np.ones(3)}, "'neutral_total' is unknown"),
    ({"positive": np.ones(3)}, "'positive' is unknown"),
    ({"positive_total": np.array([1, np.nan, 1])}, "impossible numbers"),
    ({"negative_total": np.array([1, np.inf, 1])}, "impossible numbers"),
    ({"positive_total": np.full(3, 1e13)}, "impossible numbers"),
  ],
)
def test_numbers_that_are_refused(tmp_path, tensors, message):
  path = tmp_path / "a.profile"
  write(path, **tensors)
  with pytest.raises(InputError, match=message):
    load_profile(path)


def test_no_positive_example_is_none(tmp_path):
  path = tmp_path / "a.profile"
  counts = {"positive": 0, "negative": 1}
  write(path, described(counts=counts), positive_total=np.zeros(3))
  with pytest.raises(InputError, match="no positive example"):
    load_profile(path)


def test_a_description_that_is_no_table(tmp_path):
  path = tmp_path / "a.profile"
  write(path, [1])
  with pytest.raises(InputError, match="no table"):
    load_profile(path)


def test_every_bit_is_looked_at(tmp_path):
  """A file with one byte changed is refused, or still holds what is finite."""
  path = tmp_path / "a.profile"
  save_profile(path, profile())
  whole = path.read_bytes()
  rng = np.random.default_rng(0)
  for place in rng.integers(0, len(whole), 400).tolist():
    changed = bytearray(whole)
    changed[place] ^= int(rng.integers(1, 256))
    path.write_bytes(changed)
    try:
      found = load_profile(path)
    except InputError as error:
      assert "\n" not in str(error)
    else:
      assert isinstance(found, Profile)
      assert np.isfinite(found.positive.total).all()
      assert dataclasses.asdict(found)["positive"].count == 2
