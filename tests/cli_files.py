"""A sound to write, and all that a folder holds."""

import numpy as np


def tone(seconds, hz=220.0, rate_hz=8000):
  time_s = np.arange(round(seconds * rate_hz)) / rate_hz
  return (0.3 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def everything(folder):
  return {
    str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
    for path in folder.rglob("*")
  }
