"""What audio files can be written as, and what keeps that of another file."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int

from fewshot_mss.audio.blocks import AudioInfo

# Bits of a sample of the encodings that hold integers.
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
BYTES = {subtype: bits // 8 for subtype, bits in BITS.items()} | {
  "FLOAT": 4,
  "DOUBLE": 8,
}
# Containers by the name that a person gives, with their encodings; of lossy
# ones their only one.
FORMATS = {
  "wav": ("PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
  "flac": ("PCM_16", "PCM_S8", "PCM_24"),
  "aiff": ("PCM_16", "PCM_S8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
  "w64": ("PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
  "ogg": ("VORBIS",),
  "mp3": ("MPEG_LAYER_III",),
}
LOSSY_FORMATS = ("ogg", "mp3")
WAV_SUBTYPES = FORMATS["wav"]
MP3_RATES_HZ = (
  *(8_000, 11_025, 12_000, 16_000, 22_050, 24_000),
  *(32_000, 44_100, 48_000),
)
# The headers of WAV and AIFF count bytes in 32 bits; a longer WAV is an RF64.
MAX_WAV_BYTES = 2**32 - 2**16
# Lossless encodings that no container here has, and what keeps their precision.
_KEPT_IN = {
  "ALAC_16": "PCM_16",
  "ALAC_20": "PCM_24",
  "ALAC_24": "PCM_24",
  "ALAC_32": "PCM_32",
}


class Form(NamedTuple):
  """What a file is written as.

  Attributes:
    format: One of `FORMATS`.
    subtype: One of its encodings.
  """

  format: str
  subtype: str

  @property
  def bits(self) -> int | None:
    """Of a sample, if the file holds integers."""
    return BITS.get(self.subtype)


def kept_subtype(info: AudioInfo, format_name: str) -> str:
  """Returns the encoding that keeps the precision of a file in a container.

  That of the file if the container has it, else one of as many bits or more,
  else the best it has. What comes from a lossy codec is floats, as decoders
  give it, mostly above full scale at times; in a container without floats, 16
  bits.

  Args:
    info: Of the file.
    format_name: One of `FORMATS`.

  Returns:
    One of the container's encodings.
  """
  there = FORMATS[format_name]
  subtype = _KEPT_IN.get(info.subtype, info.subtype)
  if subtype in there:
    return subtype
  if subtype not in BYTES:
    return "FLOAT" if "FLOAT" in there else there[0]
  known = sorted((s for s in there if s in BITS), key=BITS.__getitem__)
  wanted = BITS.get(subtype, 32)
  return next((s for s in known if BITS[s] >= wanted), (known or there)[-1])


def to_steps(
  samples: Float32[np.ndarray, "*shape"], bits: int
) -> Int[np.ndarray, "*shape"]:
  """Rounds to the nearest integers of so many bits, and clips to them.

  Args:
    samples: Full scale is 1.
    bits: Of an integer.

  Returns:
    The integers.
  """
  scale = 2.0 ** (bits - 1)
  whole = np.rint(samples.astype(np.float64) * scale)
  return np.clip(whole, -scale, scale - 1).astype(np.int64)
