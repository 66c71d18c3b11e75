"""One part in, its sound out, through a SoundFont."""

import io
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float32

from fewshot_mss.data.loudness import set_level
from fewshot_mss.data.synth.notes import Note, midi_bytes
from fewshot_mss.data.synth.soundfont import default_soundfont, load_soundfont
from fewshot_mss.errors import InputError, RunError


def render(
  soundfont: Path, midi: bytes, *, length_s: float, level_db: float | None
) -> tuple[Float32[np.ndarray, "samples 2"], int]:
  """Renders a MIDI file and, if wanted, brings it to a level.

  Args:
    soundfont: An .sf2 file.
    midi: Content of the MIDI file.
    length_s: Length of the sound.
    level_db: Wanted RMS where it sounds, in dB below full scale; None to leave
      it as loud as the file has it.

  Returns:
    The sound and its rate in Hz; zeros if the SoundFont has none.

  Raises:
    InputError: If the SoundFont cannot be played.
    RunError: If the process that plays it was killed.
  """
  played, rate_hz = soundfile.read(
    io.BytesIO(_wav(soundfont, midi)), dtype="float32", always_2d=True
  )
  sound = np.zeros((round(length_s * rate_hz), 2), np.float32)
  sound[: len(played)] = played[: len(sound)]
  if level_db is not None:
    set_level(sound, rate_hz, level_db)
  return sound, rate_hz


def check_playable(soundfont: Path) -> None:
  """Raises InputError if the renderer cannot play the SoundFont.

  Args:
    soundfont: An .sf2 file.
  """
  note = Note(start_s=0.0, length_s=0.05, pitch=60, velocity=90)
  midi = midi_bytes([note], program=0, drums=False, length_s=0.1)
  render(soundfont, midi, length_s=0.1, level_db=-20.0)


def font_paths(
  soundfont: Path | None, unheard_soundfont: Path | None
) -> list[Path]:
  """Returns one or two SoundFonts that can be played.

  Args:
    soundfont: An .sf2 file; None is TimGM6mb.
    unheard_soundfont: Another, of another name; None is none.

  Raises:
    InputError: If one cannot be played, or both have one name.
  """
  paths = [soundfont or default_soundfont()]
  if unheard_soundfont is not None:
    paths.append(unheard_soundfont)
    if paths[0].stem == paths[1].stem:
      raise InputError(
        f"soundfont and unheard_soundfont are both named {paths[0].stem}: give "
        "another SoundFont, or rename one"
      )
  for path in paths:
    load_soundfont(path)
    check_playable(path)
  return paths


def _wav(soundfont: Path, midi: bytes) -> bytes:
  """Renders in a process of its own.

  The renderer holds the interpreter's lock, so that threads would wait for each
  other, and a damaged SoundFont may make it panic.
  """
  script = Path(__file__).with_name("render_process.py")
  done = subprocess.run(
    [sys.executable, "-P", str(script), str(soundfont)],
    input=midi,
    capture_output=True,
    check=False,
  )
  if done.returncode == -signal.SIGKILL:
    # No fault of the SoundFont, which a build would remember.
    raise RunError(
      f"playing SoundFont {soundfont} was ended, as for want of memory: make "
      "room and start again"
    )
  if done.returncode != 0:
    said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
    raise InputError(
      f"SoundFont {soundfont} cannot be played ({said}): name another"
    )
  return done.stdout
