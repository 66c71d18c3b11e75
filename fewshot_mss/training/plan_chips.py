"""Figures of the TPUs that a plan knows: what Google says of each chip."""

from typing import NamedTuple

from fewshot_mss.errors import InputError


class Chip(NamedTuple):
  """What one chip can do at best.

  Attributes:
    kind: As in the name of a topology.
    peak_flops: bfloat16 multiply-adds a second, times two.
    hbm_bytes: Memory that the compiler may fill.
    hbm_bytes_per_s: Between that memory and the cores.
    ici_bytes_per_s: That a chip sends to its neighbours on all its links
      together, where the slice is a torus.
    torus_chips: Fewest chips of a slice whose links close to rings; below, a
      mesh reduces at half the speed.
    most_chips: Of one slice.
    example: A topology's name.
  """

  kind: str
  peak_flops: float
  hbm_bytes: int
  hbm_bytes_per_s: float
  ici_bytes_per_s: float
  torus_chips: int
  most_chips: int
  example: str


_GIB = 2**30

# Source: docs.cloud.google.com/tpu/docs/{v4,v5e,v5p,v6e}, section "System
# architecture". Google's memory is 32, 16, 95 and 32 GiB; hbm_bytes is what
# libtpu 0.0.42 leaves to a program, in its own words ("exceeds available
# HBM (15.75G)"). Interconnect: half of the "bidirectional bandwidth per chip",
# which for v5e and v6e is also the "all-reduce bandwidth per Pod" (51.2 and
# 102.4 TB/s) over 256 chips; for v4 the page gives the latter alone, 1.1 PB/s
# over 4096 chips. Rings close at 16 chips a side (v5e, v6e) or 4 (v4, v5p).
CHIPS = {
  chip.kind: chip
  for chip in (
    Chip(
      kind="v4",
      peak_flops=275e12,
      hbm_bytes=int(30.75 * _GIB),
      hbm_bytes_per_s=1200e9,
      ici_bytes_per_s=1.1e15 / 4096,
      torus_chips=64,
      most_chips=4096,
      example="v4:2x2x1",
    ),
    Chip(
      kind="v5e",
      peak_flops=197e12,
      hbm_bytes=int(15.75 * _GIB),
      hbm_bytes_per_s=819e9,
      ici_bytes_per_s=200e9,
      torus_chips=256,
      most_chips=256,
      example="v5e:16x16",
    ),
    Chip(
      kind="v5p",
      peak_flops=459e12,
      hbm_bytes=int(95.74 * _GIB),
      hbm_bytes_per_s=2765e9,
      ici_bytes_per_s=600e9,
      torus_chips=64,
      most_chips=6144,
      example="v5p:4x4x4",
    ),
    Chip(
      kind="v6e",
      peak_flops=918e12,
      hbm_bytes=int(31.25 * _GIB),
      hbm_bytes_per_s=1638e9,
      ici_bytes_per_s=400e9,
      torus_chips=256,
      most_chips=256,
      example="v6e:2x2",
    ),
  )
}

TOPOLOGY_HELP = "give the kind of chip and its shape, such as " + ", ".join(
  chip.example for chip in CHIPS.values()
)


def chip_of(topology: str) -> Chip:
  """Returns the chip of a topology such as `v5e:16x16`.

  Raises:
    InputError: If no chip of that kind is known.
  """
  kind, _, shape = topology.partition(":")
  if kind not in CHIPS or not shape:
    raise InputError(f"--topology={topology}: {TOPOLOGY_HELP}")
  return CHIPS[kind]
