"""Clips for profiles: of training alone, songs in turn, and always the same."""

import numpy as np

from fewshot_mss.data.catalogue import TRAIN
from fewshot_mss.data.instrument_clips import instrument_clips, instrument_rows
from fewshot_mss.data.records import RecordReader


def test_rows_take_turns_over_the_songs_and_begin_with_much_sound(catalogue_of):
  # Levels of the four blocks: those 25 dB below the loudest are not active.
  catalogue = catalogue_of(
    """
    train one violin 0
    train one violin 1
    train one violin 2
    train two violin 0
    train two violin 1 p -20,-60,-60,-60
    train three violin 0 p -20,-20,-60,-60
    train three violin 1 q -20,-20,-20,-20
    train three cello 0
    train four violin 0 p -70,-70,-70,-70
    test five violin 0
    """,
    unheard_patches=("q",),
  )
  rows = instrument_rows(catalogue, "violin")
  songs = [catalogue.tracks[catalogue.track[row]] for row in rows]
  assert sorted(songs[:3]) == ["one", "three", "two"]
  assert songs[3:5] == ["one", "one"]
  # The one that sounds for a quarter of its length comes last; unheard
  # timbres, other splits, instruments and silent rows do not come at all.
  assert songs[5:] == ["two"]
  assert rows == instrument_rows(catalogue, "violin")
  assert instrument_rows(catalogue, "tuba") == []


def test_clips_of_a_dataset(toy_sources):
  found = dict(instrument_clips(toy_sources, 3))
  assert tuple(found) == toy_sources.class_names
  (catalogue,), (folder,) = toy_sources.catalogues, toy_sources.folders
  for instrument, clips in found.items():
    assert len(clips) == 3
    names = [clip.name for clip in clips]
    assert len({name.split("@")[0] for name in names}) > 1
    assert all("train" in name for name in names)
    rows = instrument_rows(catalogue, instrument)[:3]
    reader = RecordReader(folder, catalogue)
    for clip, row in zip(clips, rows, strict=True):
      assert catalogue.split[row] == TRAIN
      np.testing.assert_array_equal(clip.samples, reader.read(row))
  # A segment is a second long, so its place is told by its name.
  start_s = catalogue.start_samples[rows[0]] // 8000
  assert names[0].endswith(f"@0:{start_s:02d}-0:{start_s + 1:02d}")


def test_clips_of_two_datasets_take_turns(toy_mix):
  found = dict(instrument_clips(toy_mix, 4))
  own = [dict(instrument_clips(_alone(toy_mix, n), 4)) for n in (0, 1)]
  for instrument, clips in found.items():
    names = [clip.name for clip in clips]
    first, second = ([c.name for c in part[instrument]] for part in own)
    assert names == [first[0], second[0], first[1], second[1]]


def _alone(sources, number):
  weights = [0.0, 0.0]
  weights[number] = 1.0
  return type(sources)(
    sources.folders, tuple(weights), sources.catalogues, sources.content_hash
  )
