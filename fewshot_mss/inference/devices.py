"""Which device computes, and how much it may take."""

from collections.abc import Callable

import jax

from fewshot_mss.errors import InputError

KINDS = ("cpu", "gpu", "tpu")


def find_device(word: str | None) -> jax.Device:
  """Returns the device that a word names.

  Args:
    word: `cpu`, `gpu` or `tpu`, for the first of the kind, or with a number,
      as `gpu:1`; the first that JAX finds if None.

  Returns:
    The device.

  Raises:
    InputError: If it is not there; the message lists those that are.
  """
  if word is None:
    return jax.local_devices()[0]
  kind, colon, number = word.partition(":")
  there = _there()
  place = 0 if not colon else int(number) if number.isdecimal() else -1
  if 0 <= place < len(there.get(kind, ())):
    return there[kind][place]
  names = [
    kind if len(devices) == 1 else f"{kind}:0 to {kind}:{len(devices) - 1}"
    for kind, devices in there.items()
  ]
  raise InputError(
    f"device {word!r} is not there: this machine and this JAX have "
    f"{', '.join(names)}"
  )


def _there() -> dict[str, list[jax.Device]]:
  found = {}
  for kind in KINDS:
    try:
      found[kind] = jax.local_devices(backend=kind)
    except RuntimeError:
      # JAX has no such platform here.
      continue
  return found


def fitting_batch(
  lower: Callable[[int], jax.stages.Lowered], most: int, max_memory: int
) -> int:
  """Returns the largest batch whose program fits into so much memory.

  The compiler itself is asked, so what counts is what the device is given:
  weights, patches, results and what lies between.

  Args:
    lower: Lowers the program for a number of patches.
    most: Patches that are never passed.
    max_memory: In bytes.

  Returns:
    A power of two, or `most`.

  Raises:
    InputError: If one patch does not fit.
  """
  patches = most
  while True:
    needed = _program_bytes(lower(patches).compile())
    if needed <= max_memory:
      return patches
    if patches == 1:
      raise InputError(
        f"a limit of {max_memory / 2**20:.1f} MiB is too little: one patch of "
        f"this model needs {needed / 2**20:.1f} MiB; allow more, or separate "
        "fewer targets at once"
      )
    patches = 1 << (patches - 1).bit_length() - 1


def _program_bytes(program: jax.stages.Compiled) -> int:
  """Returns what a program has on its device at most."""
  sizes = program.memory_analysis()
  return (
    sizes.argument_size_in_bytes
    + sizes.output_size_in_bytes
    + sizes.temp_size_in_bytes
    - sizes.alias_size_in_bytes
  )
