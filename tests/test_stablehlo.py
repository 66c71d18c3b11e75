"""What StableHLO says is what JAX says, without this package."""

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pytest

from exported_forms import (
  KINDS,
  PATCH,
  RATE_HZ,
  SECONDS,
  SHOTS,
  expected_condition,
  make_archives,
  make_jobs,
  make_songs,
  network,
)
from fewshot_mss.episode import Support
from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import Archive
from fewshot_mss.export.stablehlo import PLATFORMS, export_stablehlo
from fewshot_mss.inference.separator import Separator

READER = Path(__file__).with_name("stablehlo_reader.py")


class Form(NamedTuple):
  archive: Archive
  separator: Separator
  folder: Path
  told: list


def make_form(root, kind):
  archive, plain = make_archives(root / "archives", kind)
  folder = root / "exports" / kind
  told = export_stablehlo(archive, folder)
  return Form(archive, Separator(plain), folder, told)


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
  root = tmp_path_factory.mktemp("stablehlo")
  return {kind: make_form(root, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def songs():
  return make_songs()


@pytest.fixture(scope="module")
def jobs(songs):
  return make_jobs(songs)


@pytest.fixture(scope="module")
def answers(forms, jobs, tmp_path_factory):
  """Of a process that can import neither this package nor Flax."""
  folder = tmp_path_factory.mktemp("answers")
  np.savez(folder / "jobs.npz", **jobs)
  subprocess.run(
    [
      sys.executable,
      READER,
      folder / "jobs.npz",
      folder / "answers.npz",
      *(form.folder for form in forms.values()),
    ],
    check=True,
  )
  return dict(np.load(folder / "answers.npz"))


CASES = [(kind, k, n) for kind, shots in SHOTS.items() for k, n in shots]


@pytest.mark.parametrize(("kind", "k", "n"), CASES)
def test_conditions_agree(forms, answers, kind, k, n):
  expected = expected_condition(forms[kind].separator, k, n)
  found = answers[f"{kind}/case/{k},{n}"]
  assert found.shape == (1, 6)
  np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-5)


def test_instruments_agree(forms, answers):
  separator = forms["class"].separator
  found = answers["class/case/ids"]
  for row, name in enumerate(("bass", "horn")):
    expected = separator.condition(instrument=name)
    np.testing.assert_allclose(found[row], expected, rtol=0, atol=1e-5)
  last = separator.archive.params["conditioner"]["table"]["embedding"][-1]
  np.testing.assert_array_equal(found[2], last)


def test_rows_of_a_batch_have_examples_of_their_own(forms, answers, jobs):
  case = "examples_and_negatives/case/several"
  given = {
    name: jobs[f"{case}/{name}"][:, None]
    for name in (
      "positives",
      "positive_weights",
      "negatives",
      "negative_weights",
    )
  }
  support = Support(
    given["positives"],
    given["positive_weights"] > 0,
    given["negatives"],
    given["negative_weights"] > 0,
    np.full((3, 1), -1, np.int32),
  )
  expected = network(
    forms["examples_and_negatives"].separator, "condition", support
  )
  np.testing.assert_allclose(answers[case], expected[:, 0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_songs_agree(forms, answers, jobs, songs, kind, seconds, channels):
  name = f"song/{seconds}/{channels}"
  expected = forms[kind].separator.separate_with(
    songs[name].T, jobs[f"{kind}/condition"], rate_hz=RATE_HZ
  )
  found = answers[f"{kind}/{name}"].T
  assert np.ptp(expected.target) > 0.1
  np.testing.assert_allclose(found, expected.target, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_several_queries_of_a_mixture_agree(forms, answers, jobs, kind):
  expected = network(
    forms[kind].separator,
    "separate",
    jobs["mixtures"],
    jobs[f"{kind}/conditions"],
  )
  found = answers[f"{kind}/queries"]
  assert found.shape == (2, 3, PATCH)
  np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def exported(folder, name):
  return jax.export.deserialize(
    bytearray((folder / f"{name}.stablehlo").read_bytes())
  )


def test_the_config_says_what_the_files_are(forms):
  for form in forms.values():
    assert sorted(path.name for path in form.folder.iterdir()) == [
      "condition.stablehlo",
      "config.json",
      "separate_patch.stablehlo",
    ]
    config = json.loads((form.folder / "config.json").read_text())
    assert config["weights_sha256"] == form.archive.content_hash
    facts = config["stablehlo"]
    for name in ("condition", "separate_patch"):
      function = exported(form.folder, name)
      described = config["functions"][name]
      for tensors, avals in (
        (described["inputs"], function.in_avals),
        (described["outputs"], function.out_avals),
      ):
        assert [
          (tensor["dtype"], [str(size) for size in tensor["shape"]])
          for tensor in tensors
        ] == [
          (aval.dtype.name, [str(size) for size in aval.shape])
          for aval in avals
        ]
      assert function.platforms == tuple(facts["platforms"]) == PLATFORMS
      assert (
        function.calling_convention_version
        == facts["calling_convention_version"]
      )
    assert facts["jax_version"] == jax.__version__


def test_the_day_of_expiry_is_stored_and_told(forms):
  form = forms["class"]
  config = json.loads((form.folder / "config.json").read_text())
  exported_on, expires = (
    datetime.date.fromisoformat(config["stablehlo"][key])
    for key in ("exported", "expires")
  )
  assert (expires - exported_on).days == 180
  (line,) = form.told
  assert f"expires {expires.isoformat()}" in line
  assert "export again" in line


def test_half_precision_stays_so_in_the_file(forms):
  for kind, there in (("float16", True), ("examples", False)):
    text = exported(forms[kind].folder, "separate_patch").mlir_module()
    assert ("xf16>" in text) is there


def test_the_files_name_nothing_of_the_machine(forms):
  for form in forms.values():
    for path in form.folder.iterdir():
      content = path.read_bytes()
      assert b".py" not in content
      assert os.fsencode(Path.cwd()) not in content
  assert jax.config.jax_traceback_in_locations_limit != 0


def test_an_export_replaces_one_of_its_form_and_nothing_else(forms, tmp_path):
  form = forms["class"]
  folder = tmp_path / "out"
  folder.mkdir()
  for path in form.folder.iterdir():
    (folder / path.name).write_bytes(b"old")
  export_stablehlo(form.archive, folder)
  # The same bytes on any day: an export can be checked by making it again.
  for path in folder.glob("*.stablehlo"):
    assert path.read_bytes() == (form.folder / path.name).read_bytes()
  assert len(list(folder.iterdir())) == 3
  assert list(tmp_path.iterdir()) == [folder]
  (folder / "model.safetensors").write_bytes(b"precious")
  with pytest.raises(InputError, match=r"holds model\.safetensors"):
    export_stablehlo(form.archive, folder)
  assert (folder / "model.safetensors").read_bytes() == b"precious"
