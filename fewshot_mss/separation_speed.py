"""How fast and how large `Separator` is, file to file, beside its network.

The bare loop calls what is compiled, with the patches and examples of a real
run that are held in memory: nothing is read, resampled, joined or written by
it. Both are timed in turns. Memory is measured in a process for each length.
"""

import json
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from fewshot_mss.audio.blocks import audio_info
from fewshot_mss.audio.formats import Form
from fewshot_mss.data.throughput_table import Row, described
from fewshot_mss.inference import listener, separator
from fewshot_mss.inference.conditions import Ask
from fewshot_mss.inference.outputs import plan_song
from fewshot_mss.inference.separator import Separator
from fewshot_mss.inference.song_writer import SongWriter
from fewshot_mss.scoring_speed import Turns, take_turns

_RATE_HZ = 44_100
_SONG_S = 60.0
_EXAMPLE_S = 2
# Examples of each target, and targets.
_CASES = ((1, 1), (5, 1), (1, 3), (5, 3))
_MINUTES = (1, 120)
_PROGRAM = """
  import json, re, sys, time
  import numpy as np, soundfile
  from fewshot_mss.inference.separator import Separator

  model, song, output = sys.argv[1:]
  separator = Separator.from_pretrained(model)
  condition = np.ones((1, separator.archive.model["condition_dim"]), np.float32)
  start = time.monotonic()
  info = soundfile.info(song)
  with soundfile.SoundFile(
    output, "w", info.samplerate, info.channels, "PCM_16", format="RF64"
  ) as file:
    for block in separator.stream(song, condition):
      file.write(block.targets[0])
  taken_s = time.monotonic() - start
  # Not from getrusage: there a process begins with the peak of its parent.
  with open("/proc/self/status") as status:
    peak_kb = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1])
  print(json.dumps([peak_kb / 1024, taken_s]))
"""


def bench_separation(model: Path, output: Path) -> list[Row]:
  """Measures the separation of files.

  Args:
    model: An archive.
    output: Folder for songs.

  Returns:
    Lines of a table: the least part of its time that a separation spends in
    what is compiled is asked to be 0.8.
  """
  rows = []
  for shots, targets in _CASES:
    bare_s, whole_s = measure_separation(model, output, shots, targets)
    rows.append(
      Row(
        f"separation, examples {shots}, targets {targets} / a loop of its "
        "compiled functions",
        f"{np.median(bare_s) / np.median(whole_s):.2f}",
        ">= 0.80",
        f"loop {described(bare_s, 's', digits=2)}; file to file "
        f"{described(whole_s, 's', digits=2)}: "
        f"{_SONG_S / np.median(whole_s):.0f} s of stereo a second",
      )
    )
  if not Path("/proc/self/status").exists():
    return rows
  (short_mb, _), (long_mb, long_s) = (
    measure_memory(model, output, minutes) for minutes in _MINUTES
  )
  rows.append(
    Row(
      f"peak memory, {_MINUTES[1]} minutes - {_MINUTES[0]} minute",
      f"{long_mb - short_mb:.0f} MiB",
      "< 50 MiB",
      f"{short_mb:.0f} MiB and {long_mb:.0f} MiB; {long_s:.0f} s",
    )
  )
  return rows


def measure_separation(
  model: Path, output: Path, shots: int, targets: int
) -> Turns:
  """Times the separation of a minute of stereo at 44.1 kHz, 16 bits.

  Args:
    model: An archive of a model that is asked by examples.
    output: Folder for the song and its parts.
    shots: Examples of each target, ranges of the song.
    targets: How many; each is written, and the residual.

  Returns:
    The times of a bare loop of the compiled functions, and of reading and
    hearing the examples, reading and separating the song and writing all parts.
  """
  song = output / "song_of_a_minute.wav"
  write_song(song, _SONG_S)
  loaded = Separator.from_pretrained(model)
  starts = range(0, shots * targets * _EXAMPLE_S, _EXAMPLE_S)
  clips = [f"{song}@{start}-{start + _EXAMPLE_S}" for start in starts]
  asks = [Ask(clips[number::targets]) for number in range(targets)]

  def whole() -> None:
    write_parts(loaded, song, loaded.conditions(asks), output)

  return take_turns(whole, (separator, listener), ("apply_model",))


def write_parts(
  loaded: Separator, song: Path, conditions: np.ndarray, output: Path
) -> Sequence[Path]:
  """Separates a file as `separate` does, block by block; returns the files."""
  names = [f"part_{number}" for number in range(len(conditions))]
  info = audio_info(song)
  plan = plan_song(
    song, info, output, [*names, "residual"], Form("wav", "PCM_16")
  )
  with SongWriter(plan, overwrite=True) as writer:
    for block in loaded.stream(song, conditions):
      writer.write(block)
    writer.publish()
  return plan.paths


def measure_memory(
  model: Path, output: Path, minutes: float
) -> tuple[float, float]:
  """Separates a file of stereo at 44.1 kHz in a process of its own.

  Args:
    model: An archive of a model that is asked by examples.
    output: Folder for the song and the target; they are removed again.
    minutes: Length of the song.

  Returns:
    The peak resident memory of the process in MiB, and the seconds that the
    separation took.
  """
  song, target = output / "long.wav", output / "long_target.wav"
  write_song(song, 60.0 * minutes)
  try:
    done = subprocess.run(
      [sys.executable, "-c", textwrap.dedent(_PROGRAM), model, song, target],
      check=True,
      capture_output=True,
      text=True,
    )
  finally:
    song.unlink()
    target.unlink(missing_ok=True)
  peak_mb, taken_s = json.loads(done.stdout)
  return peak_mb, taken_s


def write_song(path: Path, length_s: float) -> None:
  """Writes noise in stereo; no second is like another, as an example is."""
  rng = np.random.default_rng(0)
  left = round(length_s * _RATE_HZ)
  with soundfile.SoundFile(
    path, "w", _RATE_HZ, 2, "PCM_16", format="RF64"
  ) as file:
    while left > 0:
      second = rng.standard_normal((min(left, _RATE_HZ), 2), np.float32)
      file.write(0.1 * second)
      left -= _RATE_HZ
