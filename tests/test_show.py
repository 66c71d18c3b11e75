"""A shown episode is the fed episode, file by file."""

import sys

import numpy as np
import pytest
import soundfile

from fewshot_mss.data.catalogue import TEST, load_catalogue
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import empty_spec
from fewshot_mss.data.pipeline import episode_batches
from fewshot_mss.data.show import describe_episode, show_episode
from fewshot_mss.errors import InputError


@pytest.fixture
def config(toy_config):
  toy_config.data.drop_negatives_share = 0.0
  toy_config.data.min_sources = 3
  toy_config.train.global_batch = 1
  return toy_config


@pytest.mark.parametrize("split", [0, TEST])
def test_files_are_what_the_pipeline_feeds(
  config, toy_sources, tmp_path, split
):
  config.data.random_shots = True
  (batch,) = episode_batches(
    config,
    toy_sources,
    start_step=5,
    stop_step=6,
    split=split,
  )
  output = tmp_path / "new" / "folder"
  paths = show_episode(toy_sources, config, 5, output, split)
  assert sorted(output.iterdir()) == sorted(paths)
  expected = {"mixture.wav": batch.mixture[0]}
  support = batch.support
  for q in np.flatnonzero(batch.query_mask[0]):
    expected[f"query_{q}_target.wav"] = batch.targets[0, q]
    for k in np.flatnonzero(support.positive_mask[0, q]):
      name = f"query_{q}_positive_{k}.wav"
      expected[name] = support.positives[0, q, k]
    for k in np.flatnonzero(support.negative_mask[0, q]):
      name = f"query_{q}_negative_{k}.wav"
      expected[name] = support.negatives[0, q, k]
  assert sorted(p.name for p in paths) == sorted([*expected, "episode.png"])
  assert len(expected) >= 1 + 2 * 3
  for name, samples in expected.items():
    written, rate_hz = soundfile.read(output / name, dtype="float32")
    assert rate_hz == 8000
    np.testing.assert_array_equal(written, samples)


def test_the_picture_is_a_picture(config, toy_sources, tmp_path):
  from matplotlib import image

  show_episode(toy_sources, config, 0, tmp_path)
  pixels = image.imread(tmp_path / "episode.png")
  assert min(pixels.shape[:2]) > 400
  # Spectrograms, not one colour.
  assert pixels[..., :3].std() > 0.1


def test_the_same_episode_is_shown_again(config, toy_sources, tmp_path, capsys):
  printed = []
  for name in ("one", "two"):
    show_episode(toy_sources, config, 3, tmp_path / name)
    printed.append(capsys.readouterr().out.split("\n")[:-2])
  assert printed[0] == printed[1]
  assert printed[0][0] == "Episode 3 of seed 0, train songs"
  for path in (tmp_path / "one").glob("*.wav"):
    one, two = (
      soundfile.read(tmp_path / name / path.name)[0] for name in ("one", "two")
    )
    np.testing.assert_array_equal(one, two)


def test_words_name_songs_times_gains_and_examples(catalogue_of):
  catalogue = catalogue_of(
    "train a violin 0 oak\ntrain a drums 1\ntrain b violin_2 2 oak\n"
    "train b horn 0"
  )
  spec = empty_spec(0, sources=3, queries=4, positives=2, negatives=1)
  spec.source_records[:2] = 0, 1
  spec.source_offsets_samples[:2] = 4, 8
  spec.source_gains[:2] = 2.0, 0.5
  spec.query_mask[:3] = True
  spec.target_sources[0, 0] = True
  spec.positive_records[0, 0] = 2
  spec.positive_offsets_samples[0, 0] = 2
  spec.negative_records[0, 0] = 1
  spec.target_sources[1, :2] = True
  # The third asks for the horn, which the mixture does not hold.
  spec.positive_records[2, 0] = 3
  settings = EpisodeSettings(
    sample_rate_hz=16,
    mixture_samples=8,
    example_samples=8,
    num_queries=4,
    max_positives=2,
    max_negatives=1,
    min_sources=2,
    max_sources=3,
  )
  uncoloured = describe_episode(catalogue, spec, settings)
  assert uncoloured == [
    "source 0: violin (oak) of a/violin at 0.25 s, gain +6.0 dB",
    "source 1: drums (p) of a/drums at 1.50 s, gain -6.0 dB",
    "query 0: violin, shots: 1",
    "  positive 0: violin (oak) of b/violin_2 at 2.12 s",
    "  negative 0: drums (p) of a/drums at 1.00 s",
    "query 1: drums + violin, shots: 0",
    "query 2: horn, absent, shots: 1",
    "  positive 0: horn (p) of b/horn at 0.00 s",
    "query 3: fills up",
  ]
  coloured = describe_episode(
    catalogue, spec._replace(colour_seed=5), settings._replace(eq_db=6.0)
  )
  for line, plain in zip(coloured, uncoloured, strict=True):
    assert line.startswith(plain)
    is_sound = plain.startswith(("source", "  "))
    assert ("; octaves " in line) == is_sound
  played = describe_episode(
    catalogue,
    spec._replace(colour_seed=5),
    settings._replace(speed_semitones=2.0),
  )
  speeds = [line.partition("; as it is, ")[2] for line in played]
  # Both are of song a, and so is the negative; song b is another.
  assert speeds[0] == speeds[1] == speeds[4] != speeds[3]
  assert speeds[0].endswith(" semitones")
  assert abs(float(speeds[0].split()[0])) <= 2


def test_a_silent_target_can_be_drawn(config, toy_sources, tmp_path):
  config.data.absent_share = 1.0
  paths = show_episode(toy_sources, config, 0, tmp_path)
  target, _ = soundfile.read(tmp_path / "query_0_target.wav")
  assert not target.any()
  assert paths[-1].exists()


@pytest.mark.parametrize(
  ("changes", "index", "message"),
  [
    ({}, -1, "index is -1"),
    ({"seed": -2}, 0, "seed is -2"),
    ({"data.mixture_s": 3.0}, 0, "data.mixture_s is longer"),
  ],
)
def test_bad_requests_write_nothing(
  config, toy_sources, tmp_path, changes, index, message
):
  config.update_from_flattened_dict(changes)
  with pytest.raises(InputError, match=message):
    show_episode(toy_sources, config, index, tmp_path / "out")
  assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_refused(
  config, toy_sources, tmp_path
):
  blocked = tmp_path / "file"
  blocked.write_text("here")
  with pytest.raises(InputError, match="file cannot be written"):
    show_episode(toy_sources, config, 0, blocked)
  assert blocked.read_text() == "here"


def test_missing_matplotlib_is_named(
  config, toy_sources, tmp_path, monkeypatch
):
  monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
  with pytest.raises(InputError, match=r"pip install 'fewshot-mss\[plot\]'"):
    show_episode(toy_sources, config, 0, tmp_path / "out")
  assert not (tmp_path / "out").exists()


def test_titles_name_the_instruments_of_the_catalogue(
  config, toy_dataset, toy_sources, tmp_path, capsys
):
  show_episode(toy_sources, config, 1, tmp_path)
  lines = capsys.readouterr().out.split("\n")
  catalogue = load_catalogue(toy_dataset)
  sources = [x for x in lines if x.startswith("source")]
  assert len(sources) == 3
  for line in sources:
    instrument = line.split(": ")[1].split(" ")[0]
    assert instrument in catalogue.seen_instruments
    assert f"/{instrument} at" in line
