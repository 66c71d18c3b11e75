"""What can be heard and seen of a run, read back from its event files."""

import io
import shutil

import jax
import numpy as np
import pytest
import soundfile
from PIL import Image

from event_files import values
from fewshot_mss.data.episode_audio import read_episode
from fewshot_mss.data.episodes import empty_spec
from fewshot_mss.data.evaluation_list import (
  read_evaluation_list,
  whole_segment_settings,
)
from fewshot_mss.data.pipeline import episode_batches
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import load_sources
from fewshot_mss.evaluation import evaluate, metrics, network
from fewshot_mss.training import shown_episode
from fewshot_mss.training.metric_writer import MetricWriter
from tiny_model import draw_params, make_batch, make_model
from tiny_run import tiny_config

BINS = 257
RATE_HZ = 8000


def tone(freq_hz, seconds=1.0, amplitude=0.5):
  time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
  wave = amplitude * np.sin(2 * np.pi * freq_hz * time_s)
  return wave.astype(np.float32)


def test_a_picture_shows_each_clip_at_its_pitch_on_one_scale():
  silence = np.zeros(RATE_HZ, np.float32)
  picture = shown_episode.spectrogram_picture(
    [tone(3000), silence, tone(1000, amplitude=0.05)]
  )
  assert picture.shape == (3 * BINS + 2 * 4, 8000 // 64 + 1, 3)
  assert (picture[BINS : BINS + 4] == 255).all()
  assert (picture[-BINS - 4 : -BINS] == 255).all()
  top, middle, bottom = (
    picture[begin : begin + BINS].astype(int).sum(axis=-1)[:, 20:-20]
    for begin in range(0, len(picture), BINS + 4)
  )
  # The highest frequency is on top: 4000 Hz in bin 256.
  assert (top.argmax(axis=0) == 256 - 3000 * 512 // RATE_HZ).all()
  assert (bottom.argmax(axis=0) == 256 - 1000 * 512 // RATE_HZ).all()
  assert (top.max(), middle.max()) == (255 + 250 + 190, 8)
  assert (middle == 8).all()
  # 20 dB of 70 below the loudest point, in four steps: between the colours 2
  # and 3, whose sums are 320 and 415.
  place = 4 * (1 - 20 / 70) - 2
  assert bottom.max() == pytest.approx(320 + place * 95, abs=2)


def test_a_picture_of_a_long_or_a_short_clip_fits_a_screen():
  long = shown_episode.spectrogram_picture([np.ones(300_000, np.float32)] * 3)
  assert 700 < long.shape[1] <= 768
  short = shown_episode.spectrogram_picture([np.ones(10, np.float32)])
  assert short.shape == (BINS, 1, 3)


@pytest.fixture(scope="module")
def config(toy_dataset):
  return tiny_config(toy_dataset, train__eval_every_steps=5, eval__shots=(2, 1))


@pytest.fixture(scope="module")
def model(config):
  return make_model(**config.model)


@pytest.fixture(scope="module")
def params(model):
  return draw_params(model, make_batch(mixtures=1, queries=1))


@pytest.fixture(scope="module")
def item(toy_dataset):
  return read_evaluation_list(toy_dataset, "validation")[0]


@pytest.fixture(scope="module")
def written(config, model, params, toy_sources, tmp_path_factory):
  """Writes at two evaluations; returns {(step, tag): value}, and programs."""
  workdir = tmp_path_factory.mktemp("shown")
  rows = evaluate.evaluate(
    model,
    params,
    toy_sources,
    split="validation",
    eval_config=headline_alone(config),
    max_negatives=0,
    patch_s=config.data.mixture_s,
    progress=False,
  )
  compiled = network.separate_patches_of_each, network.conditions_of_each
  before = [function._cache_size() for function in compiled]
  shown = shown_episode.read_shown(config, model, toy_sources)
  with MetricWriter(workdir, first_step=0, last_step=10) as writer:
    for step in (5, 10):
      shown_episode.write_shown(shown, config, model, params, writer, step)
  assert [function._cache_size() for function in compiled] == before
  found = [((step, value.tag), value) for step, value in values(workdir)]
  assert len(dict(found)) == len(found)
  return dict(found), rows


def headline_alone(config):
  changed = config.eval.copy_and_resolve_references()
  changed.shots = config.eval.shots[-1:]
  return changed


def heard(value):
  samples, rate_hz = soundfile.read(
    io.BytesIO(value.audio.encoded_audio_string), dtype="float32"
  )
  assert rate_hz == RATE_HZ == value.audio.sample_rate
  return samples


def test_what_never_changes_is_written_once(written, item):
  found, _ = written
  song = item.song.replace(" ", "_")
  name = f"shown/{item.instrument}_of_{song}"
  assert set(found) == {
    (5, f"{name}/mixture"),
    (5, f"{name}/target"),
    *(
      (step, f"{name}/{what}")
      for step in (5, 10)
      for what in ("estimate", "mixture_target_estimate")
    ),
  }


def clip_named(found, step, what):
  (value,) = (
    value
    for (at, tag), value in found.items()
    if at == step and tag.endswith(what)
  )
  return value


def test_the_first_item_of_the_list_is_heard(
  written, item, toy_sources, toy_dataset
):
  found, rows = written
  catalogue = toy_sources.catalogues[0]
  episode = read_episode(
    item.spec,
    RecordReader(toy_dataset, catalogue),
    whole_segment_settings(catalogue),
  )
  accuracy = {"rtol": 0, "atol": 2 / 32768}
  for what, expected in (
    ("/mixture", episode.mixture),
    ("/target", episode.targets[0]),
  ):
    clip = heard(clip_named(found, 5, what))
    np.testing.assert_allclose(clip, expected, **accuracy)
  # The estimate is the very one that is scored.
  estimate = heard(clip_named(found, 5, "/estimate"))
  (row,) = (r for r in rows if (r.item, r.system) == (item.spec.index, "model"))
  assert metrics.si_sdr_db(episode.targets[0], estimate) == pytest.approx(
    row.si_sdr_db, abs=0.05
  )
  assert metrics.level_db(episode.targets[0], estimate) == pytest.approx(
    row.level_db, abs=0.05
  )


def test_the_picture_is_of_what_is_heard(written):
  found, _ = written
  value = clip_named(found, 10, "/mixture_target_estimate").image
  image = Image.open(io.BytesIO(value.encoded_image_string))
  drawn = np.asarray(image)
  assert (
    drawn.shape
    == (3 * BINS + 8, 126, 3)
    == (
      value.height,
      value.width,
      value.colorspace,
    )
  )
  clips = [
    heard(clip_named(found, 5, what))
    for what in ("/mixture", "/target", "/estimate")
  ]
  again = shown_episode.spectrogram_picture(clips)
  # Rounding to 16 bits is seen in what is nearly silent.
  assert np.mean(np.abs(again.astype(int) - drawn) > 8) < 0.02


def test_without_a_list_it_is_the_first_episode_of_training(
  config, model, params, toy_dataset, tmp_path
):
  data = tmp_path / "data"
  shutil.copytree(toy_dataset, data)
  (data / "evaluation_validation.json").unlink()
  sources = load_sources(str(data))
  shown = shown_episode.read_shown(config, model, sources)
  batch = next(
    iter(
      episode_batches(
        config, sources, start_step=0, stop_step=1, shard_index=0, shard_count=1
      )
    )
  )
  assert batch.query_mask[0, shown.query]
  (tmp_path / "run").mkdir()
  with MetricWriter(tmp_path / "run", first_step=0, last_step=5) as writer:
    shown_episode.write_shown(shown, config, model, params, writer, 5)
  found = {(s, value.tag): value for s, value in values(tmp_path / "run")}
  assert len(found) == 4
  for what, expected in (
    ("/mixture", batch.mixture[0]),
    ("/target", batch.targets[0, shown.query]),
  ):
    clip = heard(clip_named(found, 5, what))
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(clip, expected, rtol=0, atol=2 / 32768)
  assert np.abs(heard(clip_named(found, 5, "/estimate"))).max() > 0.001


def test_a_query_that_counts_and_asks_for_something_is_shown():
  spec = empty_spec(0, sources=2, queries=4, positives=1, negatives=0)
  assert shown_episode.shown_query(spec) == 0
  # One that only fills up, one for what is absent, and two that will do.
  spec.target_sources[[0, 2, 3]] = True
  spec.query_mask[[1, 2, 3]] = True
  assert shown_episode.shown_query(spec) == 2


def test_other_processes_read_and_write_nothing(
  config, model, params, toy_sources, tmp_path, monkeypatch
):
  monkeypatch.setattr(jax, "process_index", lambda: 1)
  shown = shown_episode.read_shown(config, model, toy_sources)
  assert shown is None
  with MetricWriter(tmp_path, first_step=0, last_step=5) as writer:
    shown_episode.write_shown(shown, config, model, params, writer, 5)
  assert list(tmp_path.iterdir()) == []
