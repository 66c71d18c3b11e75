"""BSSEval v4 by museval; what it is given, and what is made of its figures."""

import json
import math
import os
import subprocess
import sys
import types
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.museval_json import (
  METRICS,
  bsseval_frames,
  describe,
  median_frames,
  museval_version,
  write_song,
)

RATE_HZ = 100
ALL = np.ones(350, np.bool_)


def noise(seed, channels=2, samples=350):
  rng = np.random.default_rng(seed)
  return rng.normal(0, 0.1, (channels, samples)).astype(np.float32)


TARGET, REST = noise(1), noise(2)
MIXTURE = TARGET + REST
OUTPUT = TARGET + np.float32(0.1) * REST


@pytest.fixture
def asked(monkeypatch):
  """museval's call, with figures that tell source, frame and metric apart."""
  calls = []

  def evaluate(references, estimates, win, hop):
    calls.append((references, estimates, win, hop))
    frames = np.arange(3.0)
    return tuple(np.stack([m + frames, -m - frames]) for m in (10, 20, 30, 40))

  stand_in = types.ModuleType("museval")
  stand_in.evaluate = evaluate
  monkeypatch.setitem(sys.modules, "museval", stand_in)
  return calls


def test_the_target_is_scored_beside_the_rest(asked):
  found = bsseval_frames(TARGET, MIXTURE, OUTPUT, RATE_HZ, ALL)
  assert found == {
    "SDR": [10, 11, 12],
    "ISR": [20, 21, 22],
    "SIR": [30, 31, 32],
    "SAR": [40, 41, 42],
  }
  ((references, estimates, win, hop),) = asked
  assert win == hop == RATE_HZ
  assert references.shape == estimates.shape == (2, 350, 2)
  np.testing.assert_array_equal(references[0], TARGET.T)
  np.testing.assert_allclose(references[1], REST.T, atol=1e-7)
  np.testing.assert_array_equal(estimates[0], OUTPUT.T)
  np.testing.assert_allclose(estimates[1], 0.9 * REST.T, atol=1e-6)


def test_windows_with_an_example_have_no_figures(asked):
  kept = ALL.copy()
  kept[199] = False
  found = bsseval_frames(TARGET, MIXTURE, OUTPUT, RATE_HZ, kept)
  assert np.isnan(found["SAR"]).tolist() == [False, True, False]
  assert found["SAR"][2] == 42


@pytest.mark.parametrize(
  ("target", "output"),
  [
    (np.zeros_like(MIXTURE), OUTPUT),
    (MIXTURE, OUTPUT),
    (TARGET, np.zeros_like(MIXTURE)),
    (TARGET, MIXTURE),
    # What museval takes for silence: its channels cancel each other.
    (TARGET, np.stack([TARGET[0], -TARGET[0]])),
  ],
)
def test_what_is_silent_throughout_has_no_figures(asked, target, output):
  found = bsseval_frames(target, MIXTURE, output, RATE_HZ, ALL)
  assert not asked
  for name in METRICS:
    assert np.isnan(found[name]).tolist() == [True] * 3


def test_medians_pass_over_what_is_no_number():
  frames = {name: [math.nan, 1.0, math.inf, 5.0] for name in METRICS}
  frames["SAR"] = [math.nan]
  found = median_frames(frames)
  assert (found["SDR"], found["ISR"]) == (3.0, 3.0)
  assert math.isnan(found["SAR"])


def test_the_report_counts_as_sisec_does():
  def frames(*sdr):
    return {name: list(sdr) for name in METRICS}

  songs = [
    {"bass": frames(0.0, 2.0, 4.0), "horn": frames(math.nan)},
    {"bass": frames(10.0)},
    {"bass": frames(3.0, math.nan)},
  ]
  assert describe(songs, 5) == (
    "SDR, median over frames of 1 s, then over songs, 5 shots: "
    "bass +3.00 dB (n = 3 songs), horn none (n = 0 songs)"
  )


def check_schema(museval, content):
  """Checks a file by museval's own schema, and that all is there.

  That schema types the fields and requires none.
  """
  schema = Path(museval.__file__).with_name("musdb.schema.json")
  jsonschema.validate(content, json.loads(schema.read_text("utf-8")))
  for target in content["targets"]:
    for number, frame in enumerate(target["frames"]):
      assert (frame["time"], frame["duration"]) == (number, 1.0)
      assert sorted(frame["metrics"]) == sorted(METRICS)
      assert all(isinstance(v, float) for v in frame["metrics"].values())


def test_a_song_is_written_as_museval_reads_it(museval, tmp_path):
  frames = bsseval_frames(TARGET, MIXTURE, OUTPUT, RATE_HZ, ALL)
  kept = ALL & (np.arange(350) >= 100)
  left_out = bsseval_frames(REST, MIXTURE, MIXTURE - OUTPUT, RATE_HZ, kept)
  path = tmp_path / "test" / "one.json"
  write_song(path, "one", {"bass": frames, "horn": left_out})
  text = path.read_text("utf-8")
  content = json.loads(text)
  check_schema(museval, content)
  assert content["museval_version"] == museval_version()
  assert [t["name"] for t in content["targets"]] == ["bass", "horn"]
  bass, horn = (target["frames"] for target in content["targets"])
  for frame, sdr in zip(bass, frames["SDR"], strict=True):
    assert frame["metrics"]["SDR"] == pytest.approx(sdr, abs=1e-5)
  assert math.isnan(horn[0]["metrics"]["SIR"])
  store = museval.EvalStore()
  store.add_eval_dir(tmp_path)
  assert sorted(store.df["target"].unique()) == ["bass", "horn"]
  medians = store.agg_frames_scores()
  assert medians["one", "bass", "SDR"] == pytest.approx(
    median_frames(frames)["SDR"], abs=1e-5
  )


def test_sdr_is_about_what_the_plain_ratio_is(museval):
  del museval
  found = bsseval_frames(TARGET, MIXTURE, OUTPUT, RATE_HZ, ALL)
  assert found["SDR"] == pytest.approx([20.0] * 3, abs=1.5)


def test_a_song_shorter_than_a_window_is_one_frame(museval):
  del museval
  short = [sound[:, :60] for sound in (TARGET, MIXTURE, OUTPUT)]
  found = bsseval_frames(*short, RATE_HZ, ALL[:60])
  assert [len(found[name]) for name in METRICS] == [1] * 4


def test_silent_windows_have_no_figures(museval):
  del museval
  target = TARGET.copy()
  target[:, 100:200] = 0
  found = bsseval_frames(target, target + REST, OUTPUT, RATE_HZ, ALL)
  assert np.isnan(found["SDR"]).tolist() == [False, True, False]


def test_a_folder_that_cannot_be_written_is_named(museval, tmp_path):
  del museval
  (tmp_path / "test").write_text("")
  with pytest.raises(InputError, match=r"one\.json cannot be written"):
    write_song(tmp_path / "test" / "one.json", "one", {})


def test_without_museval_the_package_is_named(monkeypatch):
  monkeypatch.setitem(sys.modules, "museval", None)
  with pytest.raises(ModuleNotFoundError) as caught:
    museval_version()
  assert caught.value.name == "museval"


def test_without_ffmpeg_the_program_is_named(tmp_path):
  # Another process, for what has been imported once is not asked again.
  script = (
    "from fewshot_mss.evaluation import museval_json\n"
    "museval_json.museval_version()\n"
  )
  env = os.environ | {"PATH": str(tmp_path)}
  done = subprocess.run(
    [sys.executable, "-c", script], env=env, capture_output=True, text=True
  )
  last = done.stderr.splitlines()[-1]
  assert "InputError: museval cannot be used (ffmpeg or ffprobe" in last
  assert last.endswith("install ffmpeg")
