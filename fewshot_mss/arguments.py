"""The words of the command line: what verbs there are and what they take.

`--config` and `--config.KEY` go to ml_collections, all others to argparse.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from absl import flags
from ml_collections import ConfigDict, config_flags

from fewshot_mss import default_config
from fewshot_mss.errors import InputError

CONFIG_VERBS = ("train", "evaluate", "describe", "demo", "bench", "data show")
_CONFIG_HELP = (
  "--config=FILE.py[:ARGUMENT] and any number of --config.KEY=VALUE"
)


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
  parsed.config = _load_config(config_words)
  return parsed


def require_config(parsed: argparse.Namespace) -> ConfigDict:
  """Returns the configuration; InputError if none was given."""
  if parsed.config is None:
    raise InputError(f"name a configuration: {_CONFIG_HELP}")
  return parsed.config


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
    if word == "--config":
      value = next(rest, None)
      if value is None:
        raise InputError(f"--config needs a value: {_CONFIG_HELP}")
      config_words.append(f"--config={value}")
    elif word.startswith(("--config=", "--config.")):
      config_words.append(word)
    else:
      own.append(word)
  return own, config_words


def _load_config(config_words: list[str]) -> ConfigDict | None:
  """Reads the configuration file and its overrides; None without one."""
  if not config_words:
    return None
  files = [word for word in config_words if word.startswith("--config=")]
  if not files:
    raise InputError(f"{config_words[0]} without a file: give {_CONFIG_HELP}")
  path = Path(files[-1].removeprefix("--config=").split(":")[0])
  if not path.is_file():
    raise InputError(f"{path} is no file: give {_CONFIG_HELP}")
  words = ["fewshot-mss", *config_words]
  values = flags.FlagValues()
  config_flags.DEFINE_config_file("config", flag_values=values, sys_argv=words)
  try:
    values(words)
    _check_tree(values.config, files[-1])
    return values.config
  except InputError:
    raise
  # What ml_collections raises for keys that do not exist and values of another
  # type, and what reading the file may raise.
  except (
    flags.Error,
    OSError,
    LookupError,
    AttributeError,
    TypeError,
    ImportError,
    NameError,
    SyntaxError,
  ) as error:
    raise InputError(
      f"{files[-1]}: {_reason(error)} (fewshot_mss/default_config.py explains "
      "every key)"
    ) from error


def _reason(error: BaseException) -> str:
  """Returns in one line why a configuration cannot be read."""
  text = str(error.args[0] if error.args else error)
  # An error inside the file comes as a traceback whose last line says it, a
  # KeyError's text quoted, with quotes inside.
  lines = text.replace("\\n", "\n").replace("\\'", "'").splitlines()
  reason = lines[-1] if "Traceback" in text else " ".join(lines)
  reason = reason.removeprefix("fewshot_mss.errors.InputError: ")
  if "has no attribute 'get_config'" in reason:
    return "it defines no get_config()"
  while len(reason) > 1 and reason[0] == reason[-1] and reason[0] in "'\"":
    reason = reason[1:-1]
  if isinstance(error, LookupError | AttributeError):
    return f"no such key: {reason}"
  return reason


def _check_tree(config: object, name: str) -> None:
  """Refuses what has not the keys and types of the default configuration."""
  advice = "change values of what default_config.get_config() returns alone"
  if not isinstance(config, ConfigDict):
    raise InputError(
      f"{name}: get_config returns a {type(config).__name__}: {advice}"
    )
  wanted, given = _leaves(default_config.get_config()), _leaves(config)
  for key in sorted(wanted.keys() ^ given.keys()):
    does = "lacks" if key in wanted else "has the key that does not exist"
    raise InputError(f"{name} {does} {key}: {advice}")
  for key, value in wanted.items():
    if not _is_like(given[key], value):
      raise InputError(
        f"{name}: {key} is {given[key]!r}: give something like {value!r}"
      )


def _is_like(value: object, like: object) -> bool:
  """Tells whether a value has a type; all items of a tuple have one."""
  if isinstance(like, tuple):
    return isinstance(value, tuple) and all(
      type(item) is type(like[0]) for item in value
    )
  return type(value) is type(like)


def _leaves(config: ConfigDict, prefix: str = "") -> dict[str, object]:
  leaves = {}
  for key, value in config.items():
    if isinstance(value, ConfigDict):
      leaves |= _leaves(value, f"{prefix}{key}.")
    else:
      leaves[prefix + key] = value
  return leaves


def _parser() -> argparse.ArgumentParser:
  """Returns the parser of all verbs; each sets its name as `verb`."""
  parser = _Parser(
    prog="fewshot-mss", description="Few-shot musical source separation."
  )
  verbs = parser.add_subparsers(required=True, metavar="VERB")
  _add_data_verbs(verbs)

  train = verbs.add_parser(
    "train", help="train a separator", epilog=_CONFIG_HELP
  )
  train.add_argument("--workdir", type=Path, required=True)
  train.add_argument(
    "--distributed",
    action="store_true",
    help="join the other hosts that the cluster (TPU, SLURM, MPI) tells of",
  )
  train.add_argument("--coordinator", help="HOST:PORT of process 0")
  train.add_argument("--num_processes", type=int)
  train.add_argument("--process_id", type=int)
  train.set_defaults(verb="train")

  evaluate = verbs.add_parser(
    "evaluate", help="score a trained workdir", epilog=_CONFIG_HELP
  )
  evaluate.add_argument("--workdir", type=Path, required=True)
  evaluate.set_defaults(verb="evaluate")

  describe = verbs.add_parser(
    "describe", help="sizes and FLOPs of a configuration", epilog=_CONFIG_HELP
  )
  describe.set_defaults(verb="describe")
  _add_separate_verb(verbs)
  for name, does in (
    ("demo", "data, training, scores and a separated song at once"),
    ("bench", "speeds as ratios"),
  ):
    verb = verbs.add_parser(name, help=does, epilog=_CONFIG_HELP)
    verb.add_argument("--output", type=Path, required=True)
    verb.set_defaults(verb=name)
  return parser


def _add_data_verbs(verbs: argparse._SubParsersAction) -> None:
  data = verbs.add_parser("data", help="prepare, list or show a dataset")
  data_verbs = data.add_subparsers(required=True, metavar="VERB")

  build = data_verbs.add_parser("build", help="prepare a dataset")
  build.add_argument(
    "root",
    type=Path,
    nargs="?",
    help="folder of songs, ROOT/<song>/<instrument>[_n].wav|flac|mp3|ogg",
  )
  build.add_argument(
    "--layout", choices=("stem_folder", "rendered"), default="stem_folder"
  )
  build.add_argument("--output", type=Path, required=True)
  build.add_argument("--sample_rate_hz", type=int, default=8000)
  build.add_argument("--segment_s", type=float, default=4.0)
  build.add_argument("--seed", type=int, default=0)
  build.add_argument(
    "--unseen", help="instruments kept out of training: violin,flute"
  )
  songs = build.add_argument_group("layout rendered")
  songs.add_argument("--num_songs", type=int, default=120)
  songs.add_argument("--song_s", type=float, default=24.0)
  songs.add_argument("--num_unseen", type=int, default=20)
  songs.add_argument("--soundfont", type=Path, help="a .sf2 file")
  songs.add_argument(
    "--unheard_soundfont", type=Path, help="a .sf2 file for testing alone"
  )
  songs.add_argument(
    "--midi_folder", type=Path, help="MIDI files instead of made-up songs"
  )
  build.set_defaults(verb="data build")

  listing = data_verbs.add_parser("list", help="say what a dataset holds")
  listing.add_argument("dataset", type=Path)
  listing.set_defaults(verb="data list")

  show = data_verbs.add_parser(
    "show", help="write an episode as wavs and a picture", epilog=_CONFIG_HELP
  )
  show.add_argument("dataset", type=Path)
  show.add_argument("--index", type=int, default=0)
  show.add_argument("--output", type=Path, required=True)
  show.set_defaults(verb="data show")


def _add_separate_verb(verbs: argparse._SubParsersAction) -> None:
  separate = verbs.add_parser(
    "separate",
    help="take an instrument out of songs",
    description="Name the songs first: -p and -n take all that follows them. "
    "EXAMPLE is an audio file or a part of one: song.wav@1:02-1:09.",
  )
  separate.add_argument("songs", type=Path, nargs="+", metavar="SONG")
  separate.add_argument(
    "-p",
    "--positive",
    action="extend",
    nargs="+",
    default=[],
    metavar="EXAMPLE",
    help="shows the instrument; parts of the song itself are the best",
  )
  separate.add_argument(
    "-n",
    "--negative",
    action="extend",
    nargs="+",
    default=[],
    metavar="EXAMPLE",
    help="shows what is not meant",
  )
  separate.add_argument(
    "-m",
    "--model",
    type=Path,
    required=True,
    help="folder of a model: WORKDIR/model of a training",
  )
  separate.add_argument("-o", "--output", type=Path, required=True)
  separate.add_argument(
    "--instrument", help="for a model that is conditioned by class"
  )
  separate.add_argument("--overwrite", action="store_true")
  separate.set_defaults(verb="separate")
