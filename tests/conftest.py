"""What every test shares: shapes checked at run time, eight CPU devices."""

import importlib
import os
import shutil
import sys
import tempfile

from processes import xla_flags

# Before JAX is imported anywhere: eight devices, and no accelerator, so that
# the tests say the same on every machine. Networks this small are compiled for
# longer than they run: not much of it, and what several tests or their
# processes need, once.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = xla_flags(devices=8)
if "PYTEST_XDIST_WORKER" not in os.environ:
  _COMPILED = tempfile.TemporaryDirectory(prefix="compiled")
  os.environ["JAX_COMPILATION_CACHE_DIR"] = _COMPILED.name
  os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"

from jaxtyping import install_import_hook

# Annotated shapes hold, or the test that breaks them fails.
install_import_hook("fewshot_mss", "beartype.beartype")

from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
from ml_collections import ConfigDict  # noqa: E402

# What waits longest, for processes and trainings, begins first: a worker that
# met one of these last would be alone with it.
_LONGEST = (
  *("slurm", "multihost", "readme", "watch", "bench", "kills", "stem_dataset"),
  *("configs", "compute", "loop", "class_head", "separator", "tpu_vm"),
  *("web_page", "web_server", "exports_of_a_run", "plan", "killed_evaluation"),
  *("separate_killed", "full_disk", "cli", "demo", "recovery", "train"),
  *("claiming", "ablation_network", "stablehlo", "ablating", "preemption"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
  """Orders files by the time that they take; tests stay in their order."""
  places = {f"test_{name}.py": place for place, name in enumerate(_LONGEST)}
  items.sort(key=lambda item: places.get(item.path.name, len(_LONGEST)))


@pytest.fixture(scope="session")
def toy_dataset(tmp_path_factory) -> Path:
  """A prepared folder of the toy songs: 8000 Hz, segments of 1 s."""
  # Here rather than above: TensorFlow costs seconds, and few tests need it.
  from fewshot_mss.data.builder import build
  from fewshot_mss.data.synth.toy import toy_track_set

  return build(
    toy_track_set(),
    tmp_path_factory.mktemp("toy") / "dataset",
    sample_rate_hz=8000,
    segment_s=1.0,
    # In this process: others would cost more to start than the toys take.
    beam_words=("direct_num_workers=1",),
    progress=False,
  )


@pytest.fixture(scope="session")
def toy_sources(toy_dataset):
  """The toy songs as the one dataset of a run."""
  from fewshot_mss.data.sources import load_sources

  return load_sources(str(toy_dataset))


@pytest.fixture(scope="session")
def toy_mix(toy_dataset, tmp_path_factory):
  """The toy songs, and others of which some have the names of those."""
  import dataclasses

  from fewshot_mss.data.builder import build
  from fewshot_mss.data.sources import load_sources
  from fewshot_mss.data.synth.toy import toy_track_set

  track_set = toy_track_set(seed=1)
  renamed = {
    "toy_train_0": "Toy - Test 0",
    "toy_validation_0": "Toy Test_1",
    "toy_train_1": "toy train other",
  }
  tracks = tuple(
    dataclasses.replace(track, name=renamed.get(track.name, track.name))
    for track in track_set.tracks
  )
  other = build(
    dataclasses.replace(track_set, tracks=tracks),
    tmp_path_factory.mktemp("other") / "other",
    sample_rate_hz=8000,
    segment_s=1.0,
    progress=False,
  )
  return load_sources(f"{toy_dataset}=2,{other}")


@pytest.fixture
def toy_config(toy_dataset) -> ConfigDict:
  """A fresh configuration of the smallest model, on the toy songs."""
  from fewshot_mss.default_config import get_config

  config = get_config()
  config.data.sources = str(toy_dataset)
  config.model.n_fft = 64
  config.model.hop_samples = 32
  config.model.unet_channels = (4, 8)
  config.model.encoder_channels = (4, 8)
  config.model.condition_dim = 8
  config.data.mixture_s = 0.5
  config.data.example_s = 0.5
  config.data.num_queries = 2
  config.data.max_positives = 2
  config.data.max_negatives = 1
  config.train.global_batch = 8
  config.train.steps = 4
  config.eval.max_items = 4
  config.eval.batch = 2
  config.eval.shots = (1, 2)
  return config


@pytest.fixture(scope="session")
def catalogue_of():
  """Makes catalogues from lines `split song stem[_n] start [patch] [levels]`.

  16 Hz, segments of 16 samples, blocks of 4; start counts segments. Levels are
  four numbers with commas between; -20 dB throughout where none are given.
  """
  import numpy as np

  from fewshot_mss.data.segments import Segment, cut_track, make_catalogue
  from fewshot_mss.data.tracks import Stem, TrackSet

  def make(lines, **track_set):
    rows = {}
    for line in lines.split("\n"):
      if not line.strip():
        continue
      split, track, name, start, *more = line.split()
      patch = more[0] if more else "p"
      levels = more[1] if len(more) > 1 else "-20,-20,-20,-20"
      levels_db = np.array(levels.split(","), np.int8)
      stem = Stem(name, name.split("_")[0], "family", patch, lambda: None)
      segment = Segment(
        track=track,
        stem=stem,
        start_samples=16 * int(start),
        rms_db=float(10 * np.log10(np.mean(10 ** (levels_db / 10)))),
        levels_db=levels_db,
        pcm=np.zeros(0, np.int16),
      )
      rows.setdefault(split, {}).setdefault(track, []).append(segment)
    return make_catalogue(
      {
        split: [cut_track(name, held) for name, held in tracks.items()]
        for split, tracks in rows.items()
      },
      TrackSet(tracks=(), **track_set),
      sample_rate_hz=16,
      segment_samples=16,
    )

  return make


@pytest.fixture
def museval(monkeypatch, tmp_path_factory):
  """museval itself.

  It does not start without the programs ffmpeg and ffprobe, and calls neither
  for its figures: empty ones do where there are none.
  """
  if "museval" not in sys.modules and not shutil.which("ffprobe"):
    folder = tmp_path_factory.mktemp("programs")
    for name in ("ffmpeg", "ffprobe"):
      (folder / name).touch(mode=0o700)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
  return importlib.import_module("museval")


@pytest.fixture
def folder_of(catalogue_of, tmp_path):
  """Writes the catalogue of some lines into a folder."""

  def write(name, lines, **track_set):
    from fewshot_mss.data.catalogue import save_catalogue

    folder = tmp_path / name
    folder.mkdir(parents=True)
    save_catalogue(catalogue_of(lines, **track_set), folder)
    return folder

  return write


@pytest.fixture
def refused(tmp_path, capsys, monkeypatch):
  """Checks status, line and folder of a command that cannot be done."""
  from cli_files import everything
  from fewshot_mss import cli

  monkeypatch.chdir(tmp_path)

  def check(words, *said, kept=None):
    before = everything(tmp_path)
    capsys.readouterr()
    assert cli.main([str(word) for word in words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    # Bars are drawn over themselves; what remains is lines.
    lines = err.removesuffix("\n").split("\n")
    complaints = [line for line in lines if line.startswith("fewshot-mss: ")]
    assert len(complaints) == 1, err
    assert lines[-1] == complaints[0]
    for part in said:
      assert str(part) in complaints[0]
    if kept:
      shutil.rmtree(tmp_path / kept)
    assert everything(tmp_path) == before
    return lines

  return check


@pytest.fixture
def refused_at_once(refused):
  """The same, before any work: no bar, no other line."""

  def check(words, *said):
    assert len(refused(words, *said)) == 1

  return check


@pytest.fixture(scope="session")
def eight_songs(catalogue_of):
  """A catalogue to draw episodes from; see `episode_draws.LINES`."""
  from episode_draws import LINES

  return catalogue_of(LINES, unseen=("lyre",), unheard_patches=("old",))


@pytest.fixture(scope="session")
def every_kind(eight_songs):
  """Two thousand episodes of it that draw all there is to draw."""
  from episode_draws import EVERYTHING, draw

  return draw(eight_songs, **EVERYTHING)
