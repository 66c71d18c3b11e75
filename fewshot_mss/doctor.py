"""`fewshot-mss doctor`: what this installation can do, and what it lacks.

Nothing here asks the network, and no package is imported but those that
`separate` imports, too.
"""

import contextlib
import importlib.metadata
import importlib.util
import io
import platform
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fewshot_mss.errors import InputError

# What `separate` stands on.
_CORE = ("jax", "jaxlib", "flax", "numpy", "soundfile", "soxr", "safetensors")
# Extras: modules that tell that they are there, and what they are for. Whether
# [tpu] and [cuda] work is told by the devices.
EXTRAS = {
  "train": (
    (
      *("tensorflow", "tensorflow_datasets", "apache_beam"),
      *("array_record", "tensorboardX", "PIL", "scipy", "yaml"),
    ),
    "`data`, `train`, `evaluate`, `ablate`, `demo`",
  ),
  "render": (("midirenderer", "mido", "pretty_midi"), "songs from MIDI files"),
  "mp4": (("av",), "m4a and mp4 files"),
  "plot": (("matplotlib",), "figures of reports"),
  "web": (
    ("gradio", "uvicorn", "fastapi", "matplotlib"),
    "`serve`, the page for the browser",
  ),
  "eval": (("museval",), "`evaluate --museval`"),
  "hub": (("huggingface_hub",), "models named hf://user/name"),
  "onnx": (("onnx", "onnxruntime"), "`export --format=onnx`"),
  "tfds": (("mlcroissant",), "`tfds build`"),
  "tpu": (("libtpu",), "Cloud TPUs, and `plan`"),
  "cuda": (("jax_cuda12_plugin",), "NVIDIA GPUs"),
}
_FORMATS = ("WAV", "FLAC", "OGG", "MP3", "AIFF", "W64")
# How an installation breaks: not there, without its library, of another time.
_BROKEN = (ImportError, OSError, AttributeError, RuntimeError)
_GIB = 2**30


def examine(model: Path | None) -> dict[str, Any]:
  """Looks at this installation.

  Args:
    model: An archive to load and check; None for the one that comes with the
      package.

  Returns:
    JSON values; `can_separate` is the verdict, `problems` its reasons.

  Raises:
    InputError: If the model is on the hub, which is not asked.
  """
  if model is not None and str(model).startswith("hf:/"):
    raise InputError(
      f"{model} is on the hub, which doctor does not ask: name a folder"
    )
  problems: list[str] = []
  report: dict[str, Any] = {
    "version": _version("fewshot-mss"),
    "python": platform.python_version(),
    "system": f"{platform.system()} {platform.machine()}",
    "packages": {name: _version(name) for name in _CORE},
    "libraries": {},
    "devices": {},
    "reads": [],
    "writes": [],
    "models": sorted(
      str(path.parent) for path in Path().glob("runs/*/model/config.json")
    ),
    "model": None,
    "extras": {name: _extra(modules) for name, (modules, _) in EXTRAS.items()},
    "memory_gib": _memory_gib(),
    "disk_free_gib": _disk_free_gib(),
  }
  with _noted(problems, "the sound libraries do not work"):
    report["libraries"] = _libraries()
    report["reads"], report["writes"] = _codecs()
  with _noted(problems, "JAX finds no device to compute on"):
    report["devices"] = _devices()
  with _noted(problems, "the separator cannot be loaded"):
    report["model"] = _model(model)
  return report | {"can_separate": not problems, "problems": problems}


@contextlib.contextmanager
def _noted(problems: list[str], what: str) -> Iterator[None]:
  """Notes what goes wrong in the `with` block, in one line."""
  try:
    yield
  except InputError as error:
    problems.append(str(error))
  except _BROKEN as error:
    why = " ".join(str(error).split())
    problems.append(f"{what} ({why}): install fewshot-mss again")


def _version(name: str) -> str | None:
  try:
    return importlib.metadata.version(name)
  except importlib.metadata.PackageNotFoundError:
    return None


def _extra(modules: tuple[str, ...]) -> list[str]:
  """Returns what is missing; nothing is imported to find out."""
  return [m for m in modules if importlib.util.find_spec(m) is None]


def _libraries() -> dict[str, str]:
  import soundfile
  import soxr

  return {
    "libsndfile": soundfile.__libsndfile_version__,
    "libsoxr": soxr.__libsoxr_version__,
  }


def _codecs() -> tuple[list[str], list[str]]:
  """Returns what can be read and written, found by doing it."""
  import numpy as np
  import soundfile

  reads, writes = [], []
  for name in _FORMATS:
    file = io.BytesIO()
    with contextlib.suppress(soundfile.LibsndfileError, ValueError):
      soundfile.write(file, np.zeros(4000), 8000, format=name)
      writes.append(name.lower())
      file.seek(0)
      soundfile.read(file)
      reads.append(name.lower())
  if importlib.util.find_spec("av") is not None:
    reads += ["m4a", "mp4"]
  return reads, writes


def _devices() -> dict[str, int]:
  """Returns how many devices there are of each kind."""
  import jax

  return dict(Counter(device.device_kind for device in jax.devices()))


def _model(model: Path | None) -> dict[str, Any]:
  """Loads a model, which checks it, and all that separates."""
  import jax

  from fewshot_mss.export.hub import local_folder
  from fewshot_mss.inference.profile_search import model_profiles
  from fewshot_mss.inference.separator import Separator

  importlib.import_module("fewshot_mss.inference.command")
  folder = local_folder(model)
  separator = Separator.from_pretrained(folder)
  archive = separator.archive
  return {
    "path": str(folder),
    "shipped": model is None,
    "profiles": len(model_profiles(folder)),
    "hash": archive.content_hash,
    "rate_hz": separator.rate_hz,
    "conditioning": separator.listener.conditioning,
    "instruments": len(archive.instruments),
    "parameters": sum(leaf.size for leaf in jax.tree.leaves(archive.params)),
  }


def _memory_gib() -> dict[str, float] | None:
  """Returns total and available memory, where the system tells."""
  try:
    lines = Path("/proc/meminfo").read_text().splitlines()
  except OSError:
    return None
  told = dict(line.split(":", 1) for line in lines)
  return {
    name: round(int(told[key].split()[0]) / 2**20, 1)
    for name, key in (("total", "MemTotal"), ("available", "MemAvailable"))
  }


def _disk_free_gib() -> dict[str, float]:
  places = dict.fromkeys((str(Path.cwd()), tempfile.gettempdir()))
  return {
    place: round(shutil.disk_usage(place).free / _GIB, 1) for place in places
  }


def report_lines(report: dict[str, Any]) -> list[str]:
  """Returns what `examine` found as lines for people."""
  packages = report["packages"] | report["libraries"]
  rows = [
    ("separate", "can run here" if report["can_separate"] else "cannot run"),
    *(("", f"- {problem}") for problem in report["problems"]),
    ("packages", ", ".join(f"{n} {v or '-'}" for n, v in packages.items())),
    (
      "devices",
      ", ".join(f"{n} x {kind}" for kind, n in report["devices"].items()),
    ),
    ("reads", " ".join(report["reads"])),
    ("writes", " ".join(report["writes"])),
    *_model_rows(report),
  ]
  rows += [
    ("" if number else "extras", line)
    for number, line in enumerate(_extra_lines(report))
  ]
  memory = report["memory_gib"]
  if memory is not None:
    free = f"{memory['available']} of {memory['total']} GiB free"
    rows.append(("memory", free))
  for place, free_gib in report["disk_free_gib"].items():
    rows.append(("disk", f"{free_gib} GiB free in {place}"))
  head = (
    f"fewshot-mss {report['version']}, Python {report['python']}, "
    f"{report['system']}"
  )
  return [head, *(f"{name:10}{text or '-'}".rstrip() for name, text in rows)]


def _model_rows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
  model = report["model"]
  if model is not None:
    by_name = model["conditioning"] == "class"
    name = "what comes with it" if model["shipped"] else model["path"]
    yield (
      "model",
      f"{name} is whole: {model['rate_hz'] / 1000:g} kHz, "
      f"{model['parameters'] / 1e6:.2f} M parameters, asked "
      f"by {'name' if by_name else 'examples'}, {model['profiles']} profiles",
    )
  for path in report["models"]:
    yield "at hand", path


def _extra_lines(report: dict[str, Any]) -> Iterator[str]:
  for name, missing in report["extras"].items():
    purpose = EXTRAS[name][1]
    if missing:
      yield (
        f"[{name}] is not there ({', '.join(missing)}), for {purpose}: pip "
        f"install 'fewshot-mss[{name}]'"
      )
    else:
      yield f"[{name}] is there, for {purpose}"
