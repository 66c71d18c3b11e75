"""What tests of `separate` share: small songs, and requests for them."""

from pathlib import Path

import numpy as np
import soundfile

from fewshot_mss.inference.command import Voice, separate_command
from fewshot_mss.inference.request import Request, Target


def noise(samples, channels, seed=0):
  rng = np.random.default_rng(seed)
  return rng.uniform(-1, 1, (samples, channels)).astype(np.float32)


def write_song(path, subtype=None, rate_hz=8000, channels=2, samples=2500):
  path.parent.mkdir(exist_ok=True, parents=True)
  soundfile.write(path, noise(samples, channels), rate_hz, subtype=subtype)
  return path


def everything(folder):
  """Names of all that lies in a folder, hidden files too."""
  return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class Lines(list):
  """Collects what a run says."""

  def __call__(self, line):
    self.append(line)


def written(out):
  """Returns the lines that tell of files, without pages and presence."""
  return [
    line
    for line in out.splitlines()
    if line.startswith(("wrote ", "would write "))
  ]


def separate(songs, targets, model, output, warn=None, **more):
  """Separates by examples, or by `Target`s; returns the report."""
  if not isinstance(songs, (list, tuple)):
    songs = [songs]
  if not isinstance(targets, (list, tuple)):
    targets = [targets]
  if targets and not isinstance(targets[0], Target):
    targets = [Target(positives=[str(clip) for clip in targets])]
  request = Request(
    [str(song) for song in songs],
    targets,
    Path(model),
    output,
    **{"progress": False, **more},
  )
  return separate_command(
    request, Voice(Lines(), Lines(), Lines() if warn is None else warn)
  )


def paths_of(report):
  return [path for one in report.songs for path in one.plan.paths]


def read_parts(report, dtype="float64"):
  """Returns the parts of all songs of a report."""
  return [
    soundfile.read(path, dtype=dtype, always_2d=True)[0]
    for path in paths_of(report)
  ]
