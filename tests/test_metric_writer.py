"""Rows that are a function of the run alone, and events beside them."""

import io
import json

import jax
import numpy as np
import pytest
import soundfile
from PIL import Image
from tensorboardX.proto.event_pb2 import SessionLog

from event_files import all_events, values
from fewshot_mss.training import metric_writer
from fewshot_mss.training.metric_writer import MetricWriter


def events(workdir):
  return [
    (step, value.tag, value.simple_value) for step, value in values(workdir)
  ]


def lines(workdir):
  return (workdir / "metrics.jsonl").read_text("utf-8").splitlines()


def test_rows_are_json_lines_and_tensorboard_scalars(tmp_path):
  with MetricWriter(tmp_path, first_step=0, last_step=4) as writer:
    writer.write(2, {"loss": 1.5, "grad_norm": 0.25})
    # Readable while the run goes on.
    assert lines(tmp_path) == ['{"step": 2, "loss": 1.5, "grad_norm": 0.25}']
    writer.write(4, {"eval_score": -3.0})
  assert [json.loads(line) for line in lines(tmp_path)] == [
    {"step": 2, "loss": 1.5, "grad_norm": 0.25},
    {"step": 4, "eval_score": -3.0},
  ]
  assert events(tmp_path) == [
    (2, "loss", 1.5),
    (2, "grad_norm", 0.25),
    (4, "eval_score", -3.0),
  ]


def test_what_is_not_finite_is_null_and_no_event(tmp_path):
  with MetricWriter(tmp_path, first_step=0, last_step=4) as writer:
    writer.write(1, {"loss": None, "bad_steps": 1.0})
  assert lines(tmp_path) == ['{"step": 1, "loss": null, "bad_steps": 1.0}']
  assert events(tmp_path) == [(1, "bad_steps", 1.0)]


def test_rows_of_lost_steps_and_cut_lines_go(tmp_path):
  path = tmp_path / "metrics.jsonl"
  kept = '{"step": 2, "loss": 1.0}\n{"step": 3, "loss": 2.0}\n'
  path.write_text(kept + '{"step": 4, "loss": 3.0}\n{"step": 5, "lo')
  with MetricWriter(tmp_path, first_step=3, last_step=9) as writer:
    assert path.read_text() == kept
    writer.write(4, {"loss": 7.0})
  assert path.read_text() == kept + '{"step": 4, "loss": 7.0}\n'
  assert list(tmp_path.glob("*.tmp")) == []
  with MetricWriter(tmp_path, first_step=0, last_step=9):
    assert path.read_text() == ""


def test_tensorboard_is_told_from_which_step_on_events_are_void(tmp_path):
  with MetricWriter(tmp_path, first_step=3, last_step=9):
    pass
  starts = [
    event.step
    for event in all_events(tmp_path)
    if event.session_log.status == SessionLog.START
  ]
  assert starts == [4]


def test_speeds_go_to_tensorboard_alone(tmp_path, monkeypatch, capsys):
  now_s = [100.0]
  monkeypatch.setattr(metric_writer.time, "monotonic", lambda: now_s[0])
  with MetricWriter(tmp_path, first_step=30, last_step=150) as writer:
    now_s[0] = 120.0
    # 10 steps in 20 seconds.
    writer.write_speed(40, episodes_a_step=8, shares={"waiting": 0.25})
    writer.say_speed(40, episodes_a_step=8)
  assert lines(tmp_path) == []
  assert events(tmp_path) == [
    (40, "speed/seconds_a_step", 2.0),
    (40, "speed/episodes_a_second", 4.0),
    (40, "time/waiting", 0.25),
  ]
  said = capsys.readouterr().err
  assert "step 40: 2.00 s a step" in said
  assert "4.0 episodes a second" in said
  # 110 steps of 2 seconds.
  assert "about 4 min left" in said


def test_audio_and_pictures_go_to_tensorboard(tmp_path, capsys):
  rng = np.random.default_rng(0)
  clip = rng.uniform(-1, 1, 500).astype(np.float32)
  clip[3:5] = 1.5, -7
  picture = rng.integers(0, 256, (6, 9, 3)).astype(np.uint8)
  with MetricWriter(tmp_path, first_step=0, last_step=4) as writer:
    writer.write_audio(2, "group/sound", clip, 8000)
    writer.write_picture(3, "group/picture", picture)
  (step, sound), (later, drawn) = values(tmp_path)
  assert (step, sound.tag) == (2, "group/sound")
  assert sound.audio.sample_rate == 8000
  read, rate_hz = soundfile.read(io.BytesIO(sound.audio.encoded_audio_string))
  assert rate_hz == 8000
  np.testing.assert_allclose(read, np.clip(clip, -1, 1), atol=2 / 32768)
  assert (later, drawn.tag) == (3, "group/picture")
  assert (drawn.image.height, drawn.image.width) == (6, 9)
  image = Image.open(io.BytesIO(drawn.image.encoded_image_string))
  np.testing.assert_array_equal(np.asarray(image), picture)
  assert lines(tmp_path) == []
  assert capsys.readouterr().out == ""


def test_the_bar_begins_where_the_run_does(tmp_path, capsys):
  with MetricWriter(tmp_path, first_step=30, last_step=40) as writer:
    writer.write(31, {"loss": -1.234})
    writer.advance()
    writer.say("hello")
  shown = capsys.readouterr().err
  assert "31/40" in shown
  assert "loss -1.23" in shown
  assert "hello\n" in shown


@pytest.mark.parametrize("process", [1, 7])
def test_other_processes_write_nothing_and_say_who_they_are(
  tmp_path, monkeypatch, capsys, process
):
  monkeypatch.setattr(jax, "process_index", lambda: process)
  monkeypatch.setattr(jax, "process_count", lambda: 8)
  with MetricWriter(tmp_path, first_step=0, last_step=4) as writer:
    writer.advance()
    writer.write(1, {"loss": 1.0})
    writer.write_speed(1, 8, {"waiting": 0.25})
    writer.write_audio(1, "sound", np.zeros(9, np.float32), 8000)
    writer.write_picture(1, "picture", np.zeros((2, 2, 3), np.uint8))
    writer.say_speed(1, 8)
    writer.say("hello")
  assert list(tmp_path.iterdir()) == []
  said = capsys.readouterr()
  assert said.out == ""
  speed, hello = said.err.splitlines()
  assert speed.startswith(f"[process {process} of 8] step 1: ")
  assert hello == f"[process {process} of 8] hello"
