"""Presence is measured on songs whose parts are known, and kept."""

import json

import numpy as np
import pytest

from fewshot_mss.data.catalogue import TRAIN, VALIDATION
from fewshot_mss.data.presence_songs import asked_songs
from fewshot_mss.data.records import RecordReader
from fewshot_mss.errors import InputError
from fewshot_mss.inference.calibration import calibration_of
from fewshot_mss.inference.separator import Separator
from fewshot_mss.training.export_extras import Extras
from fewshot_mss.training.exporting import export_run
from fewshot_mss.training.presence_calibration import fit_calibration
from test_instrument_profiles import described
from tiny_archive import write_archive


def levels(*rows):
  return np.array(rows, np.float32)


def test_songs_are_asked_for_what_they_hold_and_do_not(toy_sources):
  (catalogue,), (folder,) = toy_sources.catalogues, toy_sources.folders
  reader = RecordReader(folder, catalogue)
  songs = list(asked_songs(reader, catalogue, TRAIN, 4))
  assert len(songs) == 4
  for song in songs:
    held = np.abs(song.targets).max(axis=1) > 0
    assert held.any()
    assert not held.all()
    # Those it holds first; three of a kind at most.
    assert sorted(held, reverse=True) == held.tolist()
    assert max(held.sum(), (~held).sum()) <= 3
    # No example is a part of the song itself.
    for clips, target in zip(song.examples, song.targets, strict=True):
      assert clips
      own = target.reshape(-1, len(clips[0]))
      for clip in clips:
        assert not (own == clip).all(axis=1).any()
  again = next(asked_songs(reader, catalogue, TRAIN, 1))
  np.testing.assert_array_equal(again.mixture, songs[0].mixture)


def test_curves_of_levels_that_tell():
  # A song: asked for one that is there in half of it, and one that is not.
  true = levels([-10] * 50 + [-60] * 50, [-60] * 100)
  given = levels([-8] * 50 + [-30] * 50, [-30] * 100)
  calibration = fit_calibration([(given, true), (given, true)])
  assert calibration.moment.probability(-8.0) > 0.95
  assert calibration.moment.probability(-30.0) < 0.05
  assert calibration.song.slope > 0
  # What is neither there nor away teaches nothing.
  unsure = levels([-30] * 100, [-30] * 100)
  more = fit_calibration([(given, true), (given, true), (given * 0, unsure)])
  assert more.moment == calibration.moment


def test_songs_that_hold_all_or_nothing_teach_nothing():
  given = levels([-8.0] * 10)
  for true in (levels([-10.0] * 10), levels([-60.0] * 10)):
    with pytest.raises(InputError, match="--presence: no validation song"):
      fit_calibration([(given, true)])
  with pytest.raises(InputError, match="--presence: no validation song"):
    fit_calibration([])


def test_an_export_keeps_what_was_measured(tmp_path, toy_config, toy_sources):
  write_archive(tmp_path / "run" / "model")
  described(tmp_path / "run", toy_config, toy_sources.content_hash)
  lines = export_run(
    tmp_path / "run",
    tmp_path / "out",
    form="archive",
    extras=Extras(presence=True),
  )
  archive = Separator.from_pretrained(tmp_path / "out").archive
  kept = json.loads((tmp_path / "out" / "config.json").read_text())
  presence = kept["training"]["presence"]
  (catalogue,) = toy_sources.catalogues
  songs = len(np.unique(catalogue.track[catalogue.split == VALIDATION]))
  assert presence["songs"] == songs
  assert f"presence measured on {songs} songs" in lines
  calibration = calibration_of(archive.training)
  assert list(calibration.moment) == presence["moment"]
  assert list(calibration.song) == presence["song"]
