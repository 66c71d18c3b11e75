"""Hours, loudness and activity of the instruments, and their picture."""

import numpy as np
import pytest

from fewshot_mss.data.figure import import_figure
from fewshot_mss.data.stats import (
  draw_stats,
  instrument_stats,
  num_timbres,
  plot_stats,
)
from fewshot_mss.errors import InputError

LINES = """
  train a violin 0
  train a violin 1
  train a horn 0 p -10,-10,-60,-60
  validation b violin 0 p -40,-40,-40,-40
  test c drums 0
"""


@pytest.fixture
def catalogue(catalogue_of):
  return catalogue_of(LINES, unseen=("drums",))


def test_hours_loudness_and_activity_are_those_counted_by_hand(catalogue):
  stats = instrument_stats(catalogue)
  drums, horn, violin = map(
    catalogue.instruments.index, ("drums", "horn", "violin")
  )
  # A segment is one second.
  np.testing.assert_allclose(stats.hours[violin] * 3600, [2, 1, 0])
  np.testing.assert_allclose(stats.hours[horn] * 3600, [1, 0, 0])
  np.testing.assert_allclose(stats.hours[drums] * 3600, [0, 0, 1])
  # Levels -40, -20, -20: a quarter of the way is between the first two.
  np.testing.assert_allclose(
    stats.loudness_db[violin], [-38, -30, -20, -20, -20], atol=1e-5
  )
  # Two of the horn's four blocks are far below its own level.
  np.testing.assert_allclose(stats.activity[horn], 0.5)
  np.testing.assert_allclose(stats.activity[drums], 1)


def test_seen_instruments_come_first_and_by_hours(catalogue):
  figure = draw_stats(import_figure(), catalogue, "some folder")
  hours, loudness, activity = figure.axes
  labels = [label.get_text() for label in hours.get_yticklabels()]
  assert labels == ["violin", "horn", "drums (unseen)"]
  # The first line is at the top.
  assert hours.get_ylim() == (2.5, -0.5)
  # A bar for each split and instrument; the second split goes on from the
  # first.
  bars = hours.patches
  assert len(bars) == 9
  np.testing.assert_allclose(bars[0].get_width() * 3600, 2)
  np.testing.assert_allclose(bars[3].get_x() * 3600, 2)
  np.testing.assert_allclose(bars[3].get_width() * 3600, 1)
  assert [bar.get_width() for bar in activity.patches] == [100, 50, 100]
  middles = loudness.lines[0].get_xdata()
  np.testing.assert_allclose(middles[[0, 2]], [-20, -20], atol=1e-5)
  assert "some folder" in figure.get_suptitle()


def test_timbres_are_those_that_training_hears(catalogue_of):
  catalogue = catalogue_of(
    LINES
    + "train a violin 5 oak\n  train a violin 6 new\n  test c violin 7 later\n"
    "  test c drums 1 other\n",
    unseen=("drums",),
    unheard_patches=("new",),
  )
  counts = dict(
    zip(catalogue.instruments, num_timbres(catalogue).tolist(), strict=True)
  )
  assert counts == {"violin": 2, "horn": 1, "drums": 2}
  figure = draw_stats(import_figure(), catalogue, "some folder")
  labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
  assert labels == ["violin, 2 timbres", "horn", "drums, 2 timbres (unseen)"]


@pytest.mark.parametrize("name", ["stats.png", "new/stats.pdf"])
def test_a_picture_of_a_prepared_folder_is_written(toy_dataset, tmp_path, name):
  output = tmp_path / name
  plot_stats(toy_dataset, output)
  head = b"\x89PNG" if name.endswith("png") else b"%PDF"
  assert output.read_bytes().startswith(head)
  assert list(output.parent.iterdir()) == [output]


def test_a_folder_without_a_catalogue_is_refused(tmp_path):
  with pytest.raises(InputError, match=r"catalogue\.json is missing"):
    plot_stats(tmp_path, tmp_path / "stats.png")
  assert not list(tmp_path.iterdir())
