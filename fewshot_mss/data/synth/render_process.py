"""Renders the MIDI file on standard input to WAV on standard output.

Run by render.py with the SoundFont as argument; imports as little as it can.
"""

import sys
from pathlib import Path

import midirenderer

if __name__ == "__main__":
  sys.stdout.buffer.write(
    midirenderer.render_wave_from(
      Path(sys.argv[1]).read_bytes(), sys.stdin.buffer.read()
    )
  )
