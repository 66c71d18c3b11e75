"""The whole demo, as small as it gets: every file that it promises."""

import json

import numpy as np
import pytest
import soundfile

from configs import tiny
from fewshot_mss import demo
from fewshot_mss.errors import InputError


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
  output = tmp_path_factory.mktemp("demo") / "runs"
  config = tiny.get_config()
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(demo, "_SONGS", 8)
    patch.setattr(demo, "_SONG_S", 8.0)
    demo.run_demo(config, output)
  return output


def test_report_states_plainly_what_was_shown(finished):
  report = (finished / "report.md").read_text("utf-8")
  content = json.loads(
    (finished / "run" / "evaluation" / "evaluation.json").read_text("utf-8")
  )
  for claim in content["verdict"].values():
    assert claim["statement"] in report
    answer = "yes" if claim["shown"] else "no"
    assert f": {answer};" in claim["statement"]


def test_pictures_of_the_report_exist(finished):
  for name in ("loss", "shots", "spectrograms", "shipped"):
    assert f"figures/{name}.png" in (finished / "report.md").read_text("utf-8")
    assert (finished / "figures" / f"{name}.png").stat().st_size > 1000


@pytest.mark.parametrize("model", ["shipped", "separated"])
def test_sounds_are_one_song_in_parts(finished, model):
  (folder,) = (finished / model).iterdir()
  sounds = {
    path.stem: soundfile.read(path, dtype="float32")[0]
    for path in folder.iterdir()
  }
  assert {"mixture", "target", "residual", "reference"} <= set(sounds)
  assert {"target_1_shot", "target_3_shot"} <= set(sounds)
  np.testing.assert_array_equal(
    sounds["mixture"] - sounds["target"], sounds["residual"]
  )
  # The reference is in the mixture: taking it out leaves less.
  assert sounds["reference"].any()
  rest = sounds["mixture"] - sounds["reference"]
  assert np.sum(rest**2) < np.sum(sounds["mixture"] ** 2)


def test_song_is_of_the_test_list(finished):
  (folder,) = (finished / "separated").iterdir()
  items = json.loads((finished / "data" / "evaluation_test.json").read_text())
  assert folder.name == items["items"][0]["song"]


def test_a_network_that_takes_no_examples_is_refused_at_once(tmp_path):
  config = tiny.get_config()
  config.model.conditioning = "class"
  with pytest.raises(InputError, match=r"model\.conditioning is class"):
    demo.run_demo(config, tmp_path / "runs")
  assert list(tmp_path.iterdir()) == []
