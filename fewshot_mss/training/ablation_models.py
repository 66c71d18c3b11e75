"""The models that an ablation asks, and the grid put together with them."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ml_collections import ConfigDict

from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import Sources
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.ablate import Ablation, Subject
from fewshot_mss.evaluation.ablation.answers import Answerer
from fewshot_mss.evaluation.ablation.clips import read_clip
from fewshot_mss.evaluation.ablation.grid import Contender, arms_of
from fewshot_mss.evaluation.ablation.network import make_network
from fewshot_mss.evaluation.network import host_batch
from fewshot_mss.export.archive import Archive, load_archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.training.checkpoint import check_trained_on


class NamedModel(NamedTuple):
  """A model that takes part.

  Attributes:
    name: As the table calls it.
    archive: What is in its `model` folder.
  """

  name: str
  archive: Archive

  @property
  def contender(self) -> Contender:
    """What the grid must know of it."""
    return Contender(self.name, self.archive.model["conditioning"])


def load_models(
  config: ConfigDict, workdir: Path, sources: Sources
) -> list[NamedModel]:
  """Reads the model of a workdir, and those that are set beside it.

  Args:
    config: `ablation.models` and `data.sources` are read.
    workdir: Of the run that is asked.
    sources: The datasets.

  Returns:
    The workdir's own model, then the others.

  Raises:
    InputError: If one is missing or does not fit the datasets, or two have one
      name.
  """
  places = _places(config.ablation.models, workdir)
  named: list[NamedModel] = []
  for name, place in places:
    archive = load_archive(place / "model")
    check_trained_on(place, config.data.sources, sources.content_hash)
    name = name or archive.model["conditioning"]
    rate_hz = sources.catalogues[0].sample_rate_hz
    if archive.model["sample_rate_hz"] != rate_hz:
      raise InputError(
        f"{sources.folders[0]} is at {rate_hz} Hz and {place / 'model'} at "
        f"{archive.model['sample_rate_hz']} Hz: build the dataset at the "
        "model's rate"
      )
    if name in [each.name for each in named]:
      raise InputError(
        f"ablation.models: two models are called {name!r}: give NAME=WORKDIR "
        "with another name, also for the workdir itself"
      )
    named.append(NamedModel(name, archive))
  return named


def make_ablation(
  config: ConfigDict, named: Sequence[NamedModel], sources: Sources
) -> Ablation:
  """Puts the grid and its models together; no model has heard anything yet.

  Args:
    config: `ablation`, `eval.collapse_db` and `seed` are read.
    named: The models, that of the reference first.
    sources: The datasets.

  Returns:
    What `ablate` takes.
  """
  readers = [
    RecordReader(folder, catalogue)
    for folder, catalogue in zip(
      sources.folders, sources.catalogues, strict=True
    )
  ]
  rate_hz = sources.catalogues[0].sample_rate_hz

  def subject(each: NamedModel) -> Subject:
    network = make_network(
      build_model(each.archive.model),
      each.archive.params,
      patch_s=each.archive.training["mixture_s"],
      outputs=config.ablation.outputs,
    )
    read = functools.partial(read_clip, readers=readers, sample_rate_hz=rate_hz)
    return Subject(
      each.contender, each.archive.instruments, Answerer(network, read)
    )

  model = named[0].archive.model
  return Ablation(
    arms=arms_of(config.ablation, [each.contender for each in named]),
    subjects=[subject(each) for each in named],
    sources=sources,
    readers=readers,
    seed=config.seed,
    batch=host_batch(config.ablation.batch),
    collapse_db=config.eval.collapse_db,
    mask_sizes=(model["n_fft"], model["hop_samples"]),
  )


def _places(words: str, workdir: Path) -> list[tuple[str, Path]]:
  own, others = "", []
  for word in filter(None, (word.strip() for word in words.split(","))):
    name, sign, place = word.partition("=")
    if not name or not sign or not Path(place).is_dir():
      raise InputError(
        f"ablation.models: {word!r} names no folder: give NAME=WORKDIR, with "
        "commas between several"
      )
    if Path(place).resolve() == workdir.resolve():
      own = name
    else:
      others.append((name, Path(place)))
  return [(own, workdir), *others]
