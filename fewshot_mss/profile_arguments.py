"""The words of the verbs that deal with profiles."""

import argparse
from pathlib import Path

_MODEL_HELP = (
  "folder of a model, WORKDIR/model of a training or of an export, or "
  "hf://user/name; if not given, the model that comes with fewshot-mss"
)


def add_profile_verbs(verbs: argparse._SubParsersAction) -> None:
  """Adds `profile build`, `profile show` and the like to the program's verbs.

  Args:
    verbs: What argparse returned for all of them.
  """
  profile = verbs.add_parser(
    "profile",
    help="keep what examples say to a model, to be used and shared",
    description="A profile is a file of a few kB that stands for examples: "
    "`separate --profile sax.profile`. It holds no sound and no code, and is "
    "of one model: another one would not understand it.",
  )
  profile_verbs = profile.add_subparsers(required=True, metavar="VERB")

  build = profile_verbs.add_parser("build", help="make one from examples")
  build.add_argument(
    "-p",
    "--positive",
    action="extend",
    nargs="+",
    required=True,
    metavar="EXAMPLE",
    help="shows the instrument: a file, a part of one, song.wav@1:02-1:09, or "
    "a folder, which is all audio files directly in it",
  )
  build.add_argument(
    "-n",
    "--negative",
    action="extend",
    nargs="+",
    default=[],
    metavar="EXAMPLE",
    help="shows what is not meant, for models that take it",
  )
  build.add_argument("-m", "--model", type=Path, help=_MODEL_HELP)
  build.set_defaults(verb="profile build")

  show = profile_verbs.add_parser("show", help="say what one holds")
  show.add_argument("file", type=Path, metavar="FILE")
  show.add_argument(
    "--json", action="store_true", help="print one JSON object instead"
  )
  show.set_defaults(verb="profile show")

  merge = profile_verbs.add_parser(
    "merge", help="put several of one model together, every example the same"
  )
  merge.add_argument("files", type=Path, nargs="+", metavar="FILE")
  merge.set_defaults(verb="profile merge")

  for verb in (build, merge):
    verb.add_argument(
      "-o", "--output", type=Path, required=True, help="sax.profile"
    )
    verb.add_argument(
      "--name", help="of what it shows; that of the file if not given"
    )
    verb.add_argument("--overwrite", action="store_true")

  listing = profile_verbs.add_parser(
    "list", help="list those that come with a model, or lie in a folder"
  )
  listing.add_argument(
    "folder",
    type=Path,
    nargs="?",
    metavar="MODEL|FOLDER",
    help="the model that comes with fewshot-mss if not given",
  )
  listing.set_defaults(verb="profile list")
