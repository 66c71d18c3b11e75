"""Writes small SoundFonts by hand, from the tables of the specification."""

import struct
from pathlib import Path

import numpy as np


def _chunk(name, content):
  return (
    name
    + struct.pack("<I", len(content))
    + content
    + b"\0" * (len(content) % 2)
  )


def sine(period):
  wave = 12000 * np.sin(2 * np.pi * np.arange(4800) / period)
  return wave.astype("<i2")


def write_soundfont(path: Path, samples, presets) -> Path:
  """samples: arrays of int16; presets: {(bank, number): [(sample, low, high)]}.

  A zone may have a fourth entry, its (softest, loudest) velocities.
  """
  pcm, headers = b"", b""
  for i, sample in enumerate(samples):
    start = len(pcm) // 2
    pcm += np.asarray(sample, "<i2").tobytes()
    end = len(pcm) // 2
    pcm += bytes(2 * 46)  # the format wants 46 zeros after each
    headers += struct.pack(
      "<20s5IBbHH", b"s%d" % i, start, end, start, end, 48000, 60, 0, 0, 1
    )
  headers += struct.pack("<20s5IBbHH", b"EOS", *[0] * 9)
  phdr, pbag, pgen, inst, ibag, igen = (b"" for _ in range(6))
  zones = 0
  for i, ((bank, number), held) in enumerate(presets.items()):
    phdr += struct.pack("<20s3H3I", b"preset%d" % i, number, bank, i, 0, 0, 0)
    pbag += struct.pack("<2H", i, 0)
    pgen += struct.pack("<2H", 41, i)  # instrument
    inst += struct.pack("<20sH", b"inst%d" % i, zones)
    for sample, low, high, *velocities in held:
      ibag += struct.pack("<2H", len(igen) // 4, 0)
      igen += struct.pack("<H2B", 43, low, high)  # key range, always first
      for softest, loudest in velocities:
        igen += struct.pack("<H2B", 44, softest, loudest)
      igen += struct.pack("<2H", 54, 1)  # looped
      igen += struct.pack("<2H", 53, sample)  # sample, always last
      zones += 1
  phdr += struct.pack("<20s3H3I", b"EOP", 0, 0, len(presets), 0, 0, 0)
  pbag += struct.pack("<2H", len(presets), 0)
  pgen += bytes(4)
  inst += struct.pack("<20sH", b"EOI", zones)
  ibag += struct.pack("<2H", len(igen) // 4, 0)
  igen += bytes(4)
  tables = {
    b"phdr": phdr,
    b"pbag": pbag,
    b"pmod": bytes(10),
    b"pgen": pgen,
    b"inst": inst,
    b"ibag": ibag,
    b"imod": bytes(10),
    b"igen": igen,
    b"shdr": headers,
  }
  info = _chunk(b"ifil", struct.pack("<2H", 2, 1)) + _chunk(
    b"INAM", b"tiny\0\0"
  )
  lists = (
    (b"INFO", info),
    (b"sdta", _chunk(b"smpl", pcm)),
    (b"pdta", b"".join(_chunk(*item) for item in tables.items())),
  )
  body = b"sfbk" + b"".join(_chunk(b"LIST", n + c) for n, c in lists)
  path.write_bytes(_chunk(b"RIFF", body))
  return path
