"""Colours: equalisers, rooms and drives, against sounds computed by hand."""

import numpy as np
import pytest
from ml_collections import ConfigDict

from fewshot_mss.data.colours import (
  NO_COLOUR,
  Colour,
  colour_sounds,
  draw_colour,
  draw_colour_seed,
)
from fewshot_mss.data.episode_audio import read_episode
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.pipeline import episode_batches, flatten
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import draw_episode

RATE_HZ = 8000
FLAT = (0.0,) * 8


def settings(**changed):
  return EpisodeSettings(
    **{
      "sample_rate_hz": RATE_HZ,
      "mixture_samples": 8000,
      "example_samples": 4000,
      "num_queries": 2,
      "max_positives": 2,
      "max_negatives": 1,
      "min_sources": 2,
      "max_sources": 3,
    }
    | changed
  )


def tone(hz, length_s=1.0):
  time_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
  return (0.1 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def coloured(sound, *colours):
  sounds = np.stack([sound] * len(colours))
  colour_sounds(sounds, colours, RATE_HZ)
  return sounds


def amplitude(sound, hz):
  middle = sound[2000:6000] * np.hanning(4000)
  return np.abs(np.fft.rfft(middle))[round(hz * 4000 / RATE_HZ)] / 1000


def test_bands_are_octaves_from_half_the_rate_down():
  # 4000 Hz is the eighth band, 500 Hz the fifth, 250 Hz the fourth.
  mixed = tone(500) + tone(250)
  raised = (0, 0, 0, 0, 12.0, 0, 0, 0)
  sound = coloured(mixed, Colour(None, raised))[0]
  ratio = amplitude(sound, 500) / amplitude(sound, 250)
  assert 20 * np.log10(ratio) == pytest.approx(12, abs=0.1)
  # Half an octave above, half of the gain, as a cosine has it.
  mixed = tone(708) + tone(2000)
  sound = coloured(mixed, Colour(None, raised))[0]
  ratio = amplitude(sound, 708) / amplitude(sound, 2000)
  assert 20 * np.log10(ratio) == pytest.approx(6, abs=0.1)


def test_an_equaliser_delays_nothing():
  click = np.zeros(4000, np.float32)
  click[1000] = 0.5
  for seed in range(5):
    drawn = draw_colour(seed, "source", (0,), settings(eq_db=6.0))
    assert all(-6 <= gain_db <= 6 for gain_db in drawn.bands_db)
    assert np.argmax(np.abs(coloured(click, drawn)[0])) == 1000


def test_level_and_length_stay_and_silence_is_silence():
  sound = tone(440, 0.5)
  colours = [
    Colour(20.0, (9.0, -9.0) * 4, 0.3, 0.0, 1),
    Colour(None, FLAT),
    Colour(None, (3.0,) * 8),
  ]
  sounds = coloured(sound, *colours)
  assert sounds.shape == (3, 4000)
  assert sounds.dtype == np.float32
  for each in sounds:
    assert np.sum(each**2) == pytest.approx(np.sum(sound**2), rel=1e-3)
  # What is alike in all octaves is no colour.
  np.testing.assert_allclose(sounds[1], sound, atol=1e-6)
  np.testing.assert_allclose(sounds[2], sound, atol=1e-3)
  assert not coloured(np.zeros(400, np.float32), *colours).any()
  colour_sounds(np.zeros((0, 400), np.float32), [], RATE_HZ)


def test_a_room_answers_after_the_click_and_dies_away():
  click = np.zeros(8000, np.float32)
  click[1000] = 0.5
  room = Colour(None, FLAT, reverb_s=0.4, reverb_db=0.0, reverb_seed=3)
  sound = coloured(click, room)[0]
  scale = sound[1000]
  # As much energy in the answer as in the click; the whole as before.
  assert scale == pytest.approx(0.5 / np.sqrt(2), abs=1e-3)
  assert np.abs(sound[:1000]).max() < 1e-6
  assert np.abs(sound[1001:1032]).max() < 1e-6
  answer = sound[1032:4200].astype(np.float64) ** 2
  assert answer.sum() == pytest.approx(scale**2, rel=0.01)
  # 60 dB over 0.4 s are 15 dB over each tenth of a second.
  tenths = answer[:2400].reshape(3, 800).sum(axis=1)
  falls_db = -10 * np.log10(tenths[1:] / tenths[:-1])
  assert falls_db == pytest.approx(15, abs=2)
  assert np.abs(sound[4200:]).max() < 1e-6
  # What rings on beyond the end is not heard at the beginning.
  late = np.zeros(8000, np.float32)
  late[7900] = 0.5
  assert np.abs(coloured(late, room)[0][:7900]).max() < 1e-6


def test_a_drive_adds_odd_harmonics():
  sound = coloured(tone(500), Colour(20.0, FLAT))[0]
  assert amplitude(tone(500), 1500) < 1e-3
  assert amplitude(sound, 1500) > 0.15 * amplitude(sound, 500)
  # It is the same for a quieter sound.
  quiet = coloured(0.1 * tone(500), Colour(20.0, FLAT))[0]
  np.testing.assert_allclose(10 * quiet, sound, atol=1e-5)


def test_nothing_exceeds_full_scale():
  loud = 0.99 * np.sign(tone(100) + 1e-3)
  for seed in range(5):
    drawn = draw_colour(
      seed, "source", (0,), settings(eq_db=12.0, reverb_share=1, reverb_s=0.5)
    )
    assert np.abs(coloured(loud, drawn)[0]).max() <= 1 + 1e-6


def test_sounds_do_not_depend_on_their_neighbours():
  colours = [
    draw_colour(1, "positive", (0, k), settings(
      eq_db=6.0, reverb_share=0.5, reverb_s=0.5, drive_share=0.5
    ))
    for k in range(6)
  ]  # fmt: skip
  assert 0 < sum(c.reverb_s > 0 for c in colours) < 6
  together = coloured(tone(440), *colours)
  for colour, sound in zip(colours, together, strict=True):
    np.testing.assert_allclose(coloured(tone(440), colour)[0], sound, atol=2e-4)


def test_each_sound_has_a_colour_of_its_own_that_is_drawn_again():
  how = settings(eq_db=6.0, reverb_share=0.5, reverb_s=0.5, drive_share=0.5)
  places = [("source", (0,)), ("source", (1,)), ("positive", (0, 0))]
  places += [("positive", (0, 1)), ("negative", (0, 0)), ("positive", (1, 0))]
  drawn = [draw_colour(1, *place, how) for place in places]
  assert len(set(drawn)) == len(places)
  assert drawn == [draw_colour(1, *place, how) for place in places]
  assert draw_colour(2, *places[0], how) != drawn[0]
  # Another share leaves the equaliser and the room as they are.
  dry = draw_colour(1, *places[0], how._replace(drive_share=0.0))
  assert dry == drawn[0]._replace(drive_db=None)


def test_shares_are_shares():
  how = settings(reverb_share=0.3, reverb_s=0.8, drive_share=0.1)
  drawn = [draw_colour(s, "source", (0,), how) for s in range(2000)]
  rooms = [c.reverb_s for c in drawn if c.reverb_s]
  assert len(rooms) / 2000 == pytest.approx(0.3, abs=0.04)
  driven = sum(c.drive_db is not None for c in drawn)
  assert driven / 2000 == pytest.approx(0.1, abs=0.03)
  assert min(rooms) == pytest.approx(0.2, abs=0.01)
  assert max(rooms) == pytest.approx(0.8, abs=0.01)


def test_without_any_there_is_no_seed():
  assert draw_colour_seed(0, 1, settings()) == NO_COLOUR
  seeds = {draw_colour_seed(0, i, settings(eq_db=1.0)) for i in range(50)}
  assert len(seeds) == 50
  assert min(seeds) >= 0
  assert draw_colour_seed(0, 1, settings(speed_semitones=1.0)) != NO_COLOUR


def _batch(config: ConfigDict, sources, step=3):
  (batch,) = episode_batches(
    config, sources, start_step=step, stop_step=step + 1
  )
  return batch


def test_a_mixture_is_the_sum_of_its_coloured_sources(toy_config, toy_sources):
  toy_config.data.min_sources = 2
  toy_config.data.max_sources = 2
  toy_config.data.num_queries = 2
  toy_config.data.gain_db = 0.0
  toy_config.data.random_mix_share = 1.0
  toy_config.train.global_batch = 8
  plain = _batch(toy_config, toy_sources)
  toy_config.data.eq_db = 9.0
  toy_config.data.reverb_share = 0.5
  toy_config.data.reverb_s = 0.4
  coloured_batch = _batch(toy_config, toy_sources)
  # The same is asked, of other sounds.
  both = coloured_batch.query_mask.all(axis=1)
  assert both.any()
  np.testing.assert_array_equal(coloured_batch.query_mask, plain.query_mask)
  np.testing.assert_array_equal(
    coloured_batch.support.class_id, plain.support.class_id
  )
  np.testing.assert_allclose(
    coloured_batch.targets[both].sum(axis=1),
    coloured_batch.mixture[both],
    atol=1e-6,
  )
  for changed, before in (
    (coloured_batch.targets, plain.targets),
    (coloured_batch.support.positives, plain.support.positives),
  ):
    heard = np.abs(before).max(axis=-1) > 1e-3
    assert heard.any()
    assert (np.abs(changed - before).max(axis=-1)[heard] > 1e-4).all()
  # It is drawn again, bit by bit, whoever reads it and from wherever on.
  toy_config.data.read_threads = 1
  again = _batch(toy_config, toy_sources)
  for one, other in zip(flatten(coloured_batch), flatten(again), strict=True):
    np.testing.assert_array_equal(one, other)


def test_evaluation_is_not_coloured(toy_config, toy_sources):
  how = EpisodeSettings.from_config(toy_config)
  source, spec = draw_episode(toy_sources, 0, 4, how)
  assert spec.colour_seed == NO_COLOUR
  reader = RecordReader(
    toy_sources.folders[source], toy_sources.catalogues[source]
  )
  # Not even where it is read by settings that colour.
  plain = read_episode(spec, reader, how)
  same = read_episode(spec, reader, how._replace(eq_db=9.0))
  np.testing.assert_array_equal(plain.mixture, same.mixture)
  np.testing.assert_array_equal(plain.support.positives, same.support.positives)
