"""The network as StableHLO: two functions that any JAX can call.

`jax.export.deserialize(bytearray(Path("condition.stablehlo").read_bytes()))`
gives back what `.call(...)` calls; nothing of this package is needed. Weights
are inside, batch and numbers of examples are free, CPU, NVIDIA GPU and TPU are
served by the same file. JAX promises to read it for half a year; the archive
is what lasts, and another export costs seconds.
"""

import contextlib
import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib

from fewshot_mss.export.archive import Archive
from fewshot_mss.export.checks import CONFIG_NAME
from fewshot_mss.export.folder import check_replaceable, write_folder
from fewshot_mss.export.functions import Function, describe, make_functions

PLATFORMS = ("cpu", "cuda", "tpu")
SUFFIX = ".stablehlo"
_NAMES = (CONFIG_NAME, f"condition{SUFFIX}", f"separate_patch{SUFFIX}")
# Six months: "compatibility guarantees" in JAX's documentation of jax.export.
_PROMISED = datetime.timedelta(days=180)


def export_stablehlo(archive: Archive, directory: Path) -> list[str]:
  """Writes the two functions and their `config.json`, whole or not at all.

  Args:
    archive: What to export.
    directory: Where; an earlier export of this form is replaced.

  Returns:
    What the person should know: until when the files can be read for sure.

  Raises:
    InputError: If the folder holds anything else or cannot be written.
  """
  directory = Path(directory)
  check_replaceable(directory, _NAMES)
  functions = make_functions(archive)
  exported = {
    function.name + SUFFIX: _exported(function) for function in functions
  }
  today = datetime.datetime.now(datetime.UTC).date()
  (version,) = {e.calling_convention_version for e in exported.values()}
  config = describe(archive, functions, SUFFIX) | {
    "stablehlo": {
      "jax_version": jax.__version__,
      "jaxlib_version": jaxlib.__version__,
      "calling_convention_version": version,
      "platforms": list(PLATFORMS),
      "exported": today.isoformat(),
      "expires": (today + _PROMISED).isoformat(),
    }
  }
  contents = {name: bytes(e.serialize()) for name, e in exported.items()}
  contents[CONFIG_NAME] = (json.dumps(config, indent=2) + "\n").encode()
  write_folder(directory, contents)
  return [_promise(config["stablehlo"])]


def _exported(function: Function) -> jax.export.Exported:
  """Returns a function for all platforms, with its free sizes."""
  scope = jax.export.SymbolicScope()
  inputs = [
    jax.ShapeDtypeStruct(
      jax.export.symbolic_shape(
        ", ".join(str(size) for size in tensor.shape), scope=scope
      ),
      jnp.dtype(tensor.dtype),
    )
    for tensor in function.inputs
  ]
  with _no_source_paths():
    return jax.export.export(jax.jit(function.call), platforms=PLATFORMS)(
      *inputs
    )


@contextlib.contextmanager
def _no_source_paths() -> Iterator[None]:
  """Keeps the folders of the machine that exports out of what it exports."""
  name = "jax_traceback_in_locations_limit"
  before = getattr(jax.config, name)
  jax.config.update(name, 0)
  try:
    yield
  finally:
    jax.config.update(name, before)


def _promise(facts: dict[str, Any]) -> str:
  """Says until when; the day of the export stands for that of JAX's build."""
  return (
    f"expires {facts['expires']}: JAX promises to read it for 6 months after "
    f"jaxlib {facts['jaxlib_version']} was built, so up to that day if it is "
    "of today; later, export again from the archive"
  )
