"""Sounds played faster or slower: tones at other pitches, songs in tune."""

import numpy as np
import pytest
from scipy import fft

from fewshot_mss.data.episode_audio import read_episode
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import draw_episode
from fewshot_mss.data.tape import draw_speed, play

RATE_HZ = 8000


def tone(hz, length_s=4.0):
  time_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
  return np.round(8000 * np.sin(2 * np.pi * hz * time_s)).astype(np.int16)


def loudest_hz(sound):
  spectrum = np.abs(fft.rfft(sound * np.hanning(len(sound)), 8 * len(sound)))
  return np.argmax(spectrum) * RATE_HZ / (8 * len(sound))


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.0, 1.26, 2.0])
def test_a_tone_goes_up_and_down_and_stays_as_loud(speed):
  played = play(tone(500), 8000, 8000, speed)
  assert played.shape == (8000,)
  assert played.dtype == np.float32
  assert loudest_hz(played) == pytest.approx(500 * speed, rel=2e-3)
  middle = played[2000:6000].astype(np.float64)
  assert np.sqrt(np.mean(middle**2)) == pytest.approx(8000 / 2**0.5, rel=0.01)


def test_what_would_be_above_half_of_the_rate_is_gone():
  played = play(tone(2600), 8000, 8000, 2.0)
  assert np.abs(played[2000:6000]).max() < 80


def test_at_its_own_speed_a_sound_is_itself():
  sound = tone(440)
  np.testing.assert_allclose(
    play(sound, 3000, 8000, 1.0), sound[3000:11000], atol=0.01
  )


@pytest.mark.parametrize(("begin", "instant"), [(0, 4000), (24000, 28000)])
def test_the_middle_stays_as_far_as_the_segment_reaches(begin, instant):
  # A knock in the middle of the excerpt, which is at an end of the segment.
  sound = np.zeros(32000, np.int16)
  sound[instant] = 10000
  slow = play(sound, begin, 8000, 0.5)
  assert np.argmax(slow) == pytest.approx(4000, abs=4)
  fast = play(sound, begin, 8000, 2.0)
  # Twice as much is wanted: half of it before the excerpt, or behind it.
  moved = 2000 if begin == 0 else 6000
  assert np.argmax(fast) == pytest.approx(moved, abs=4)


def test_what_a_segment_is_too_short_for_is_played_slower():
  played = play(tone(500, 1.2), 0, 8000, 2.0)
  assert loudest_hz(played) == pytest.approx(500 * 1.2, rel=2e-3)


def test_a_song_has_one_speed_in_an_episode_and_others_in_others():
  speeds = [draw_speed(7, track, 4.0) for track in range(400)]
  assert draw_speed(7, 3, 4.0) == speeds[3] != draw_speed(8, 3, 4.0)
  semitones = 12 * np.log2(speeds)
  assert -4 <= semitones.min() < -3.9
  assert 3.9 < semitones.max() <= 4
  assert abs(semitones.mean()) < 0.5


def test_an_episode_plays_its_songs_so(toy_config, toy_sources):
  toy_config.data.random_mix_share = 1.0
  toy_config.data.max_sources = 2
  toy_config.data.speed_semitones = 3.0
  how = EpisodeSettings.from_config(toy_config)
  source, spec = draw_episode(toy_sources, 0, 4, how)
  catalogue = toy_sources.catalogues[source]
  reader = RecordReader(toy_sources.folders[source], catalogue)
  episode = read_episode(spec, reader, how)

  def played(row, begin, length):
    speed = draw_speed(spec.colour_seed, catalogue.track.item(row), 3.0)
    assert speed != 1
    return play(reader.pcm(row), int(begin), length, speed) / 32768

  def within_full_scale(sound):
    return sound / max(np.abs(sound).max(), 1)

  mixture = sum(
    within_full_scale(gain * played(row, begin, how.mixture_samples))
    for row, begin, gain in zip(
      spec.source_records,
      spec.source_offsets_samples,
      spec.source_gains,
      strict=True,
    )
  )
  mixture = within_full_scale(mixture)
  np.testing.assert_allclose(episode.mixture, mixture, atol=1e-5)
  row, begin = spec.positive_records[0, 0], spec.positive_offsets_samples[0, 0]
  np.testing.assert_allclose(
    episode.support.positives[0, 0],
    played(row, begin, how.example_samples),
    atol=1e-5,
  )
