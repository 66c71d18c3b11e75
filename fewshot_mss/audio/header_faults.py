"""Headers that contradict themselves, or the sound behind them.

What libsndfile believes of such a header would be played at a wrong rate, or
end early, and nobody would be told.
"""

import re
from pathlib import Path

import soundfile

from fewshot_mss.audio.flac import rate_fault
from fewshot_mss.audio.mpeg import mp3_fault

# Whatever recorders and converters are for.
_MIN_RATE_HZ, _MAX_RATE_HZ = 1_000, 1_000_000
_WAV_FORMATS = ("WAV", "WAVEX", "RF64")


def header_fault(path: Path, sound: soundfile.SoundFile) -> str | None:
  """Looks for what cannot be true of a file.

  Args:
    path: Of the file.
    sound: The same file, opened.

  Returns:
    What does not fit, in words; None if nothing was found.
  """
  rate_hz = sound.samplerate
  if not _MIN_RATE_HZ <= rate_hz <= _MAX_RATE_HZ:
    return f"with a sample rate of {rate_hz} Hz"
  if sound.format == "FLAC":
    return rate_fault(path, rate_hz)
  if sound.format == "MP3":
    return mp3_fault(path, rate_hz, sound.channels)
  if sound.format in _WAV_FORMATS:
    return _wav_fault(sound.extra_info, rate_hz)
  return None


def _wav_fault(log: str, rate_hz: int) -> str | None:
  """Looks through what libsndfile tells of a WAV file's chunks."""
  if not re.search("WAVE_FORMAT_(PCM|IEEE_FLOAT)", log):
    return None
  channels, frame, bits, second = (
    _number(log, name)
    for name in ("Channels", "Block Align", "Bit Width", "Bytes/sec")
  )
  stated, frame = frame, channels * -(-bits // 8)
  if stated not in (0, frame):
    return f"with {channels} channels of {bits} bits in {stated} bytes"
  if second not in (0, rate_hz * frame):
    return f"with {second} bytes a second at {rate_hz} Hz"
  lost = re.search(r"Unknown chunk marker.* at position (\d+)", log)
  data_bytes = _number(log, "data")
  # Some programs leave out the byte that fills up an odd length.
  unfilled = data_bytes % 2 and data_bytes % frame == 0
  if lost and not unfilled and int(lost[1]) < _number(log, "RIFF") + 8:
    return f"with sound behind its end, at byte {lost[1]}"
  return None


def _number(log: str, name: str) -> int:
  found = re.search(rf"^ *{name} *: (-?\d+)", log, re.MULTILINE)
  return int(found[1]) if found else 0
