"""Clips for profiles: of training alone, songs in turn, and always the same."""

import dataclasses

import numpy as np

from fewshot_mss.data.catalogue import TRAIN
from fewshot_mss.data.instrument_clips import (
  instrument_clips,
  instrument_rows,
  programs_of,
)
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


def test_programs_are_those_of_general_midi_that_training_hears(catalogue_of):
  catalogue = catalogue_of(
    """
    train one guitar 0 a
    train two guitar 0 b
    train two guitar 1 c
    train two guitar 2 d
    train two guitar 3 e
    train three guitar 0 f
    train three bass 0 g
    test four guitar 0 h
    """,
    unheard_patches=("f",),
  )
  names = {
    "a": "Font/027 clean guitar",
    "b": "Other/026 jazz guitar + chorus",
    "c": "Other/027 clean guitar + eq",
    "d": "notes/guitar nylon",
    "e": "Font/000 a kit",
    "f": "Font/028 muted guitar",
    "g": "Font/033 finger bass",
    "h": "Font/029 overdriven guitar",
  }
  catalogue = dataclasses.replace(
    catalogue, patches=tuple(names[letter] for letter in catalogue.patches)
  )
  assert programs_of(catalogue, "guitar") == {"clean guitar", "jazz guitar"}
  assert programs_of(catalogue, "bass") == {"finger bass"}
  assert programs_of(catalogue, "tuba") == set()
  clean = instrument_rows(catalogue, "guitar", "clean guitar")
  assert sorted(names_of(catalogue, clean)) == [names["a"], names["c"]]
  jazz = instrument_rows(catalogue, "guitar", "jazz guitar")
  assert names_of(catalogue, jazz) == [names["b"]]
  assert len(instrument_rows(catalogue, "guitar")) == 5


def names_of(catalogue, rows):
  return [catalogue.patches[catalogue.patch[row]] for row in rows]


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


def test_an_instrument_of_several_programs_shows_each(toy_sources):
  (catalogue,) = toy_sources.catalogues
  heard = catalogue.trainable & (catalogue.split == TRAIN)
  instrument = toy_sources.class_names[0]
  mine = catalogue.instrument == catalogue.instruments.index(instrument)
  one, other = np.unique(catalogue.patch[heard & mine])[:2]
  patches = list(catalogue.patches)
  patches[one], patches[other] = "A/033 finger bass", "B/034 pick bass + eq"
  renamed = dataclasses.replace(catalogue, patches=tuple(patches))
  found = dict(
    instrument_clips(dataclasses.replace(toy_sources, catalogues=(renamed,)), 2)
  )
  at = list(found).index(instrument)
  assert list(found)[at : at + 3] == [instrument, "finger bass", "pick bass"]
  assert len(found) == len(toy_sources.class_names) + 2
  reader = RecordReader(toy_sources.folders[0], catalogue)
  rows = np.flatnonzero(heard & mine & (catalogue.patch == other))
  sounds = [reader.read(row) for row in rows]
  for clip in found["pick bass"]:
    assert any(np.array_equal(clip.samples, sound) for sound in sounds)


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
