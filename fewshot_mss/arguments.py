"""The words of the command line: what verbs there are and what they take.

`--config` and `--config.KEY` go to ml_collections, all others to argparse.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ml_collections import ConfigDict

from fewshot_mss.config_file import CONFIG_HELP, load_config
from fewshot_mss.errors import InputError

# What `data build` and `data check` read; the same names as in data/layouts,
# which is not imported for a mere `--help`.
LAYOUTS = (
  "stem_folder",
  "midi",
  "rendered",
  "slakh2100_redux",
  "slakh2100_orig",
  "slakh2100_split2",
  "babyslakh",
  "musdb18_hq",
  "musdb18",
  "medleydb",
  "moisesdb",
  "medley_solos_db",
)
_LOCAL_BEAM = "direct_num_workers=0"
CONFIG_VERBS = ("train", "evaluate", "describe", "demo", "bench", "data show")


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
  parsed.config = load_config(config_words)
  return parsed


def require_config(parsed: argparse.Namespace) -> ConfigDict:
  """Returns the configuration; InputError if none was given."""
  if parsed.config is None:
    raise InputError(f"name a configuration: {CONFIG_HELP}")
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
  _add_data_verbs(verbs)

  train = verbs.add_parser(
    "train", help="train a separator", epilog=CONFIG_HELP
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
    "evaluate", help="score a trained workdir", epilog=CONFIG_HELP
  )
  evaluate.add_argument("--workdir", type=Path, required=True)
  evaluate.set_defaults(verb="evaluate")

  describe = verbs.add_parser(
    "describe", help="sizes and FLOPs of a configuration", epilog=CONFIG_HELP
  )
  describe.set_defaults(verb="describe")
  _add_separate_verb(verbs)
  for name, does in (
    ("demo", "data, training, scores and a separated song at once"),
    ("bench", "speeds as ratios"),
  ):
    verb = verbs.add_parser(name, help=does, epilog=CONFIG_HELP)
    verb.add_argument("--output", type=Path, required=True)
    verb.set_defaults(verb=name)
  return parser


def _add_data_verbs(verbs: argparse._SubParsersAction) -> None:
  data = verbs.add_parser("data", help="check, prepare, list or show a dataset")
  data_verbs = data.add_subparsers(required=True, metavar="VERB")

  build = data_verbs.add_parser("build", help="prepare a dataset")
  build.add_argument(
    "root",
    type=Path,
    nargs="?",
    help="folder of songs, ROOT/<song>/<instrument>[_n].wav|flac|mp3|ogg, or "
    "of what --layout names",
  )
  build.add_argument("--layout", choices=LAYOUTS, default="stem_folder")
  build.add_argument(
    "--output", type=Path, required=True, help="folder to make"
  )
  build.add_argument(
    "--sample_rate_hz", type=int, default=8000, help="8000 if not given"
  )
  build.add_argument(
    "--segment_s",
    type=float,
    default=4.0,
    help="seconds of a stored piece, the longest that an episode can ask for; "
    "4 if not given",
  )
  build.add_argument(
    "--seed", type=int, help="of the layouts stem_folder and rendered"
  )
  build.add_argument(
    "--unseen",
    help="instruments kept out of training, for the layout stem_folder: "
    "violin,flute",
  )
  build.add_argument(
    "--with_bleed",
    action="store_true",
    help="take stems of MedleyDB and MoisesDB that hold the sound of others",
  )
  build.add_argument(
    "--skip_bad",
    action="store_true",
    help="leave out and name stems that cannot be read, instead of stopping",
  )
  build.add_argument(
    "--beam_options",
    default=_LOCAL_BEAM,
    help="of Apache Beam, which does the work: direct_num_workers=N for N "
    "processes here (0, the default, is one a core), or "
    "runner=FlinkRunner,flink_master=HOST:8081 and the like",
  )
  sound = build.add_argument_group("layouts midi and rendered")
  sound.add_argument("--soundfont", type=Path, help="a .sf2 file")
  sound.add_argument(
    "--unheard_soundfont", type=Path, help="a .sf2 file for testing alone"
  )
  songs = build.add_argument_group("layout rendered")
  songs.add_argument("--num_songs", type=int, help="120 if not given")
  songs.add_argument("--song_s", type=float, help="24 if not given")
  songs.add_argument("--num_unseen", type=int, help="20 if not given")
  songs.add_argument(
    "--midi_folder",
    type=Path,
    help="notes from MIDI files instead of made-up ones, given to instruments "
    "in equal shares (the layout midi plays files as they are)",
  )
  build.set_defaults(verb="data build")

  check = data_verbs.add_parser(
    "check",
    help="read a whole dataset and say what is wrong with it",
    description="Reads every file and changes nothing. Exit status 1 if there "
    "are errors: stems that cannot be read, NaN samples, a song in two splits.",
  )
  check.add_argument("root", type=Path, help="what `data build` would read")
  check.add_argument(
    "--layout",
    # The songs of `rendered` are made as they are read.
    choices=[layout for layout in LAYOUTS if layout != "rendered"],
    default="stem_folder",
  )
  check.add_argument(
    "--json", action="store_true", help="print one JSON object instead"
  )
  check.add_argument(
    "--with_bleed",
    action="store_true",
    help="read stems of MedleyDB and MoisesDB that hold the sound of others",
  )
  check.set_defaults(verb="data check")

  listing = data_verbs.add_parser("list", help="say what a dataset holds")
  listing.add_argument(
    "dataset",
    type=Path,
    nargs="?",
    help="a prepared folder; without one, the table of labels is shown",
  )
  listing.set_defaults(verb="data list")

  stats = data_verbs.add_parser(
    "stats", help="draw hours, loudness and activity of the instruments"
  )
  stats.add_argument("dataset", type=Path, help="a prepared folder")
  stats.add_argument("--output", type=Path, default=Path("stats.png"))
  stats.set_defaults(verb="data stats")

  bench = data_verbs.add_parser("bench", help="input speeds as ratios")
  bench.add_argument("dataset", type=Path, help="a prepared folder")
  bench.add_argument("--episodes", type=int, default=4000)
  bench.add_argument(
    "--output", type=Path, help="folder for what the measuring writes"
  )
  bench.set_defaults(verb="data bench")

  show = data_verbs.add_parser(
    "show", help="write an episode as wavs and a picture", epilog=CONFIG_HELP
  )
  show.add_argument(
    "dataset", help="a prepared folder, or several as in data.sources"
  )
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
