"""What the measuring of the input measures; no speed is asserted."""

import numpy as np
import pytest

from fewshot_mss.data import throughput
from fewshot_mss.data.catalogue import TRAIN, load_catalogue
from fewshot_mss.data.episodes import empty_spec
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.throughput_opening import link_made_up
from fewshot_mss.data.throughput_table import described
from fewshot_mss.data.throughput_worker import input_config, rows_of
from fewshot_mss.errors import InputError


def test_described_tells_median_percentiles_and_n():
  values = np.arange(101) / 10
  assert described(values, "s", digits=1) == "5.0 s (2.5 to 7.5, n = 101)"
  assert described(values, "s", digits=1, percents=(5, 95)) == (
    "5.0 s (0.5 to 9.5, n = 101)"
  )


def test_rows_of_an_episode_are_those_that_are_there():
  spec = empty_spec(0, sources=3, queries=1, positives=2, negatives=2)
  spec.source_records[:2] = 4, 5
  spec.positive_records[0, 0] = 9
  spec.negative_records[0] = 7, 4
  assert rows_of(spec).tolist() == [4, 5, 9, 7, 4]


def test_measured_episodes_are_cut_down_to_what_a_folder_serves(toy_dataset):
  catalogue = load_catalogue(toy_dataset)
  config = input_config(catalogue, threads=3)
  assert config.model.sample_rate_hz == 8000
  assert config.data.mixture_s == config.data.example_s == 1.0
  assert config.data.read_threads == 3
  held = len(catalogue.view.split_instruments[TRAIN])
  assert config.data.max_sources == config.data.min_sources == min(4, held)


def test_a_made_up_folder_reads_the_records_of_another(toy_dataset, tmp_path):
  catalogue = load_catalogue(toy_dataset)
  held = int(np.sum(catalogue.split == TRAIN))
  counted = link_made_up(toy_dataset, tmp_path, catalogue, 30 * held)
  made_up = load_catalogue(tmp_path)
  assert len(made_up) == counted <= 30 * held
  # Whole files' worth of each split.
  assert not (np.bincount(made_up.split) % held).any()
  reader, made = RecordReader(toy_dataset, catalogue), []
  again = RecordReader(tmp_path, made_up)
  first = np.flatnonzero(catalogue.split == TRAIN)[0]
  for row in np.flatnonzero(made_up.record % held == 0):
    np.testing.assert_array_equal(again.read(row), reader.read(first))
    made.append(row)
  assert len(made) == counted / held


def test_every_asked_number_is_a_row(toy_dataset, monkeypatch):
  monkeypatch.setattr(throughput, "_TURNS", 2)
  rows = throughput.bench_input(toy_dataset, episodes=32, made_up_segments=2000)
  asked = [row.asked for row in rows if row.asked]
  assert asked == [
    ">= 0.5",
    ">= 1.7",
    "<= 0.3 ms",
    "flat",
    "<= 5 s",
    "<= 500 MB",
    "<= 0.3 ms",
    "<= 10 s",
  ]
  assert "GIL" in rows[4].what and "n = 2" in rows[0].measured


def test_too_few_episodes_are_refused(toy_dataset):
  with pytest.raises(InputError, match="--episodes is 10: give at least 160"):
    throughput.bench_input(toy_dataset, episodes=10)
