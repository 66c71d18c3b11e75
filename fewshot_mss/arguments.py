"""The words of the command line: what verbs there are and what they take.

`--config` and `--config.KEY` go to ml_collections, all others to argparse.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ml_collections import ConfigDict

from fewshot_mss.config_file import CONFIG_HELP, load_config
from fewshot_mss.data_arguments import LAYOUTS, add_data_verbs
from fewshot_mss.errors import InputError
from fewshot_mss.export_arguments import add_export_verb
from fewshot_mss.profile_arguments import add_profile_verbs
from fewshot_mss.separate_arguments import add_separate_verb
from fewshot_mss.serve_arguments import add_serve_verbs

CONFIG_VERBS = (
  "train",
  "evaluate",
  "ablate",
  "describe",
  "plan",
  "demo",
  "bench",
  "data show",
)
# What `evaluate` takes with `--songs` alone.
_SONGS_WORDS = ("layout", "split", "list", "museval")


def parse(words: Sequence[str]) -> argparse.Namespace:
  """Reads the words of a command.

  Args:
    words: Without the program's name.

  Returns:
    `verb` (`train`, `data build`, ...), `config` (None without one) and the
    verb's own arguments.

  Raises:
    InputError: If the words make no command.
  """
  own, config_words = _split_off_config(words)
  parsed = _parser().parse_args(own)
  if config_words and parsed.verb not in CONFIG_VERBS:
    raise InputError(
      f"{config_words[0]}: `fewshot-mss {parsed.verb}` takes no configuration"
    )
  if parsed.verb == "evaluate" and parsed.songs is None:
    for name in _SONGS_WORDS:
      if getattr(parsed, name):
        raise InputError(f"--{name} is for songs: name a folder with --songs")
  parsed.config = load_config(config_words)
  return parsed


def require_config(parsed: argparse.Namespace) -> ConfigDict:
  """Returns the configuration; InputError if none was given."""
  if parsed.config is None:
    raise InputError(f"name a configuration: {CONFIG_HELP}")
  return parsed.config


def check_ablate_words(parsed: argparse.Namespace) -> None:
  """Raises InputError where the words of `ablate` make no sense together."""
  if parsed.compare is None and parsed.workdir is None:
    raise InputError("ablate: name the run to ask with --workdir")
  if parsed.compare is not None and parsed.output is None:
    raise InputError("ablate --compare: name the folder to write with --output")
  if parsed.compare is not None and (parsed.config or parsed.workdir):
    raise InputError(
      "ablate --compare asks no model: leave out --config and --workdir"
    )


class _Parser(argparse.ArgumentParser):
  """An argument parser whose complaints are one line."""

  def error(self, message: str) -> NoReturn:
    """Raises InputError instead of printing the usage and leaving."""
    raise InputError(f"{message} (see `{self.prog} --help`)")


def _split_off_config(words: Sequence[str]) -> tuple[list[str], list[str]]:
  """Parts the words that ml_collections reads from those of the verb."""
  own, config_words = [], []
  rest = iter(words)
  for word in rest:
    if word == "--":
      # Behind it is no option, whatever it looks like.
      own += [word, *rest]
    elif word == "--config":
      value = next(rest, None)
      if value is None:
        raise InputError(f"--config needs a value: {CONFIG_HELP}")
      config_words.append(f"--config={value}")
    elif word.startswith(("--config=", "--config.")):
      config_words.append(word)
    else:
      own.append(word)
  return own, config_words


def _parser() -> argparse.ArgumentParser:
  """Returns the parser of all verbs; each sets its name as `verb`."""
  parser = _Parser(
    prog="fewshot-mss", description="Few-shot musical source separation."
  )
  verbs = parser.add_subparsers(required=True, metavar="VERB")
  add_data_verbs(verbs)

  train = verbs.add_parser(
    "train", help="train a separator", epilog=CONFIG_HELP
  )
  train.add_argument("--workdir", type=Path, required=True)
  _add_host_words(train)
  train.set_defaults(verb="train")

  evaluate = verbs.add_parser(
    "evaluate", help="score a trained workdir", epilog=CONFIG_HELP
  )
  evaluate.add_argument("--workdir", type=Path, required=True)
  evaluate.add_argument(
    "--checkpoint",
    default="model",
    metavar="model|best|last|STEP",
    help="model: WORKDIR/model, the default; best by validation, last, or "
    "the steps of a checkpoint: scores go to WORKDIR/evaluation/best, ...",
  )
  _add_songs_arguments(evaluate)
  _add_host_words(evaluate)
  evaluate.set_defaults(verb="evaluate")

  describe = verbs.add_parser(
    "describe", help="sizes and FLOPs of a configuration", epilog=CONFIG_HELP
  )
  describe.set_defaults(verb="describe")
  _add_ablate_verb(verbs)
  _add_plan_verb(verbs)
  add_separate_verb(verbs)
  add_profile_verbs(verbs)
  add_export_verb(verbs)
  add_serve_verbs(verbs)
  for name, does in (
    ("demo", "data, training, scores and a separated song at once"),
    ("bench", "speeds as ratios"),
  ):
    verb = verbs.add_parser(name, help=does, epilog=CONFIG_HELP)
    verb.add_argument("--output", type=Path, required=True)
    verb.set_defaults(verb=name)
  return parser


def _add_songs_arguments(evaluate: argparse.ArgumentParser) -> None:
  evaluate.add_argument(
    "--songs",
    type=Path,
    metavar="FOLDER",
    help="score whole songs of this folder instead of the prepared dataset",
  )
  evaluate.add_argument(
    "--layout",
    # The songs of `rendered` lie in no folder.
    choices=[layout for layout in LAYOUTS if layout != "rendered"],
    help="of the folder: stem_folder if not given",
  )
  evaluate.add_argument(
    "--split",
    choices=("all", "train", "validation", "test"),
    help="which songs of the folder; if not given, all of a plain folder and "
    "the test songs of a known dataset",
  )
  evaluate.add_argument(
    "--list",
    type=Path,
    metavar="FILE",
    help="list of the folder that an earlier evaluation has written; if not "
    "given, it is drawn once and kept beside the results",
  )
  evaluate.add_argument(
    "--museval",
    action="store_true",
    help="also BSSEval v4 of the songs, which is slow; needs the extra [eval]",
  )


def _add_host_words(verb: argparse.ArgumentParser) -> None:
  verb.add_argument(
    "--distributed",
    action="store_true",
    help="join the other hosts that the cluster (TPU, SLURM, MPI) tells of",
  )
  verb.add_argument("--coordinator", help="HOST:PORT of process 0")
  verb.add_argument("--num_processes", type=int)
  verb.add_argument("--process_id", type=int)


def _add_ablate_verb(verbs: argparse._SubParsersAction) -> None:
  ablate = verbs.add_parser(
    "ablate",
    help="ask a trained workdir in many ways: shots, negatives, ...",
    epilog=CONFIG_HELP,
  )
  ablate.add_argument(
    "--workdir",
    type=Path,
    help="a run that is done; with claims.train of the configuration, a folder "
    "for the models that are trained first",
  )
  ablate.add_argument(
    "--output",
    type=Path,
    help="WORKDIR/ablation if not given; --compare needs it",
  )
  ablate.add_argument(
    "--compare",
    type=Path,
    nargs=2,
    metavar=("RUN_A", "RUN_B"),
    help="set two finished ablations side by side instead, arm by arm: "
    "workdirs, or folders that --output named",
  )
  _add_host_words(ablate)
  ablate.set_defaults(verb="ablate")


def _add_plan_verb(verbs: argparse._SubParsersAction) -> None:
  plan = verbs.add_parser(
    "plan",
    help="ask the TPU's compiler what a training will take, without a TPU",
    description="Compiles the train step for a TPU slice on any machine; needs "
    "the extra [tpu], and no dataset. Exit status 1 if it does not fit.",
    epilog=CONFIG_HELP,
  )
  plan.add_argument(
    "--topology",
    default="v5e:16x16",
    help="kind of chip and shape of the slice: v5e:16x16 if not given",
  )
  plan.add_argument(
    "--fit",
    action="store_true",
    help="also look for the largest batch that fits: half a dozen compilations",
  )
  plan.add_argument(
    "--json", action="store_true", help="print one JSON object instead"
  )
  plan.set_defaults(verb="plan")
