"""Compiled programs are kept with the run, so that a restart has them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import jax
from jax.experimental.compilation_cache import compilation_cache


@contextlib.contextmanager
def compiled_programs_in(folder: Path) -> Iterator[None]:
  """Keeps what is compiled inside the block in a folder, and looks there first.

  A large network compiles for minutes, and a preempted run would pay them at
  every start. Process 0 writes, all read. Where JAX_COMPILATION_CACHE_DIR names
  a folder, that one is used, as in all JAX programs.

  Args:
    folder: Made if there is anything to keep.
  """
  if jax.config.jax_compilation_cache_dir is not None:
    yield
    return
  jax.config.update("jax_compilation_cache_dir", str(folder.absolute()))
  # JAX opens its cache once a process.
  compilation_cache.reset_cache()
  try:
    yield
  finally:
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
