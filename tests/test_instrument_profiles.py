"""`export --profiles`: what a run's instruments say to what is exported."""

import json

import numpy as np
import pytest

from fewshot_mss.data.instrument_clips import instrument_clips
from fewshot_mss.errors import InputError
from fewshot_mss.inference.conditions import Ask
from fewshot_mss.inference.profile_files import load_profile
from fewshot_mss.inference.profile_search import find_profile
from fewshot_mss.inference.separator import Separator
from fewshot_mss.training.export_extras import Extras
from fewshot_mss.training.exporting import export_run
from tiny_archive import write_archive


@pytest.fixture
def workdir(tmp_path, toy_config, toy_sources):
  """A run that has ended, as far as an export looks at it."""
  write_archive(tmp_path / "run" / "model")
  return described(tmp_path / "run", toy_config, toy_sources.content_hash)


def described(workdir, config, data_hash):
  text = json.dumps({"config": config.to_dict(), "data_hash": data_hash})
  (workdir / "config.json").write_text(text)
  return workdir


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_profiles_serve_the_model_that_is_exported(
  workdir, tmp_path, toy_sources, dtype
):
  output = tmp_path / "out"
  lines = export_run(
    workdir, output, form="archive", dtype=dtype, extras=Extras(2)
  )
  assert f"{len(toy_sources.class_names)} profiles" in "\n".join(lines)
  separator = Separator.from_pretrained(output)
  for instrument, clips in instrument_clips(toy_sources, 2):
    profile = load_profile(find_profile(instrument, output))
    assert profile.name == instrument
    assert [e.name for e in profile.examples] == [clip.name for clip in clips]
    asked, direct = separator.conditions(
      [Ask(profiles=[profile]), Ask([clip.samples for clip in clips])],
      rate_hz=8000,
    )
    np.testing.assert_array_equal(asked, direct)
  # Again is the same to the last byte.
  before = (output / "profiles" / "bass.profile").read_bytes()
  export_run(workdir, output, form="archive", dtype=dtype, extras=Extras(2))
  assert (output / "profiles" / "bass.profile").read_bytes() == before


def test_profiles_that_cannot_be_made(workdir, tmp_path, toy_config):
  output = tmp_path / "out"
  for words in (
    {"form": "onnx", "extras": Extras(2)},
    {"form": "stablehlo", "extras": Extras(presence=True)},
    {"form": "archive", "extras": Extras(0)},
  ):
    with pytest.raises(InputError, match="--profiles"):
      export_run(workdir, output, **words)
  described(workdir, toy_config, "another")
  with pytest.raises(InputError, match="was trained on another dataset"):
    export_run(workdir, output, form="archive", extras=Extras(2))
  assert not output.exists()


def test_a_model_that_is_asked_by_name_has_none(
  tmp_path, toy_config, toy_sources
):
  write_archive(tmp_path / "run" / "model", conditioning="class")
  described(tmp_path / "run", toy_config, toy_sources.content_hash)
  with pytest.raises(InputError, match="asked by instrument"):
    export_run(
      tmp_path / "run", tmp_path / "out", form="archive", extras=Extras(2)
    )
