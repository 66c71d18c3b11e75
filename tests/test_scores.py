import mido
import pytest

from fewshot_mss.data.synth.notes import Note, Part, midi_bytes
from fewshot_mss.data.synth.scores import (
  Score,
  composed_scores,
  even_sizes,
  folder_scores,
)


def _part(count, start_s=0.0):
  return Part(
    "part",
    tuple(Note(start_s + 0.25 * i, 0.25, 60, 90) for i in range(count)),
  )


def test_splits_are_drawn_apart():
  train, validation, test = composed_scores(0, (4, 3, 2), 4.0)
  assert [len(split) for split in (train, validation, test)] == [4, 3, 2]
  assert train[0] != validation[0] != test[0]
  assert composed_scores(0, (4, 3, 2), 4.0)[1] == validation
  # A split does not change with the size of another.
  assert composed_scores(0, (6, 3, 2), 4.0)[1] == validation


@pytest.mark.parametrize("count", [2, 3, 9])
def test_sizes_come_in_pairs_and_drums_in_half(count):
  (scores,) = composed_scores(1, (count,), 4.0)
  sizes = [len(score.pitched) for score in scores]
  half = count // 2
  assert sizes[:half] == sizes[half : 2 * half]
  assert sum(score.drums is not None for score in scores) >= 2
  assert all(
    3 <= len(score.pitched) + (score.drums is not None) <= 5 for score in scores
  )


def test_few_songs_get_equally_many_parts():
  big, small = (
    Score((_part(5), _part(6), _part(7)), None),
    Score((_part(8), _part(9)), _part(4)),
  )
  evened = even_sizes([big, small])
  assert [score.pitched for score in evened] == [
    (_part(5), _part(6)),
    (_part(8), _part(9)),
  ]
  assert evened[1].drums is not None
  assert even_sizes([big, small] * 3) == [big, small] * 3


def test_excerpt_is_one_in_which_parts_play_together(tmp_path):
  # One part alone for 16 s, then two: of excerpts of 8 s, only the third does.
  both = [
    Note(0.25 * i, 0.2, pitch, 90)
    for pitch, first in ((50, 0), (70, 64))
    for i in range(first, 96)
  ]
  file = tmp_path / "a.mid"
  file.write_bytes(midi_bytes(both, program=0, drums=False, length_s=24.0))
  # On one channel they are one part: passed over.
  assert folder_scores(0, tmp_path, 5, 8.0) == []
  song = mido.MidiFile(file)
  for message in song.tracks[0]:
    if message.type == "note_on" and message.note == 70:
      message.channel = 1
  song.save(file)
  # The same notes again, faster.
  song.ticks_per_beat *= 2
  song.save(tmp_path / "again.mid")
  song.ticks_per_beat //= 2
  assert len(folder_scores(0, tmp_path, 5, 8.0)) == 1
  (tmp_path / "again.mid").unlink()
  (score,) = folder_scores(0, tmp_path, 5, 8.0)
  assert score.drums is None
  # The last 1.5 s ring out: 26 notes in 6.5 s.
  assert [len(part.notes) for part in score.pitched] == [26, 26]
  assert score.pitched[0].notes[0].start_s == pytest.approx(0.0, abs=1e-3)
