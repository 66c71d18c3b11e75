"""The words of `separate`."""

import argparse
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fewshot_mss.errors import InputError
from fewshot_mss.inference.request import TARGET, Request, Target

FORMATS = ("wav", "flac", "aiff", "w64", "ogg", "mp3")
BIT_DEPTHS = ("16", "24", "32", "float")
QUALITIES = ("fast", "normal", "best")
_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMGT]?)i?B?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_DESCRIPTION = """\
Takes instruments out of songs: OUT/SONG/target.wav and residual.wav, which sum
to the song. Name the songs first: -p, -n and --profile take all that follows.

EXAMPLE, best first:
  song.flac@1:02.5-1:09  a part of the song itself where the instrument is heard
                         alone, or clearest; minutes:seconds, 0.25 s or longer
  solo.wav@0:10-0:20     a part of another file
  solo.wav               a whole file
  solos/                 all audio files directly in a folder
"""
_EPILOG = """\
examples:
  fewshot-mss separate song.flac -p song.flac@1:02-1:09 -m MODEL -o OUT
  fewshot-mss separate songs/ --target sax -p a.wav b.wav -n piano.wav \\
      --target bass -p c.wav -m MODEL -o OUT
  fewshot-mss separate -p a.wav -m MODEL -o - -- -odd-name.wav | play -

exit status: 0 all is written; 1 some songs failed, each is named and the others
are written; 2 nothing was begun, the line says why; 130 interrupted, 129 or 143
told to end (SIGHUP, SIGTERM): songs written before are whole.
"""


def add_separate_verb(verbs: argparse._SubParsersAction) -> None:
  """Adds `separate` to the parser of verbs."""
  separate = verbs.add_parser(
    "separate",
    help="take instruments out of songs",
    description=_DESCRIPTION,
    epilog=_EPILOG,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  separate.add_argument(
    "songs",
    nargs="+",
    metavar="SONG",
    help="an audio file, or a folder: all audio files directly in it",
  )
  _add_asking_words(separate)
  separate.add_argument(
    "-m",
    "--model",
    type=Path,
    required=True,
    help="folder of a model: WORKDIR/model of a training, or of an export; or "
    "hf://user/name of the Hugging Face Hub",
  )
  _add_output_words(separate)
  _add_computing_words(separate)
  separate.set_defaults(verb="separate", targets=None)


def _add_asking_words(separate: argparse.ArgumentParser) -> None:
  group = separate.add_argument_group("what to take out")
  for short, name, metavar, means in (
    ("-p", "positive", "EXAMPLE", "shows the instrument; all weigh the same"),
    ("-n", "negative", "EXAMPLE", "shows what is not meant"),
    (
      None,
      "profile",
      "PROFILE",
      "kept examples: a file of `fewshot-mss profile build`, or a name of "
      "MODEL/profiles like violin",
    ),
  ):
    group.add_argument(
      *([short] if short else []),
      f"--{name}",
      action=_AddToTarget,
      nargs="+",
      default=argparse.SUPPRESS,
      metavar=metavar,
      help=means,
    )
  group.add_argument(
    "--instrument",
    action=_AddToTarget,
    default=argparse.SUPPRESS,
    help="for a model that is conditioned by class, instead of examples",
  )
  group.add_argument(
    "--target",
    action=_BeginTarget,
    default=argparse.SUPPRESS,
    metavar="NAME",
    help="begins one of several targets: the examples that follow it are its "
    "own, and those of the others serve as negatives",
  )


def _add_output_words(separate: argparse.ArgumentParser) -> None:
  group = separate.add_argument_group("what is written")
  group.add_argument(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    help="a folder; - writes one target of one song to standard output",
  )
  group.add_argument(
    "--format",
    choices=FORMATS,
    help="if not given, that of the song where it is lossless (wav, flac, "
    "aiff, w64), else wav",
  )
  group.add_argument(
    "--bit_depth",
    choices=BIT_DEPTHS,
    help="if not given, that of the song; float for mp3, ogg and m4a",
  )
  group.add_argument(
    "--gate",
    action="store_true",
    help="mute targets where they do not seem to be there; what is muted stays "
    "in the residual",
  )
  group.add_argument(
    "--overwrite",
    action="store_true",
    help="replace files that are there, once the new ones are whole",
  )
  group.add_argument(
    "--dry_run",
    action="store_true",
    help="check everything and say what would be done; write nothing",
  )
  group.add_argument(
    "--json",
    action="store_true",
    help="print one JSON object instead of lines (see the docstring of "
    "fewshot_mss/inference/report.py)",
  )


def _add_computing_words(separate: argparse.ArgumentParser) -> None:
  group = separate.add_argument_group("how it is computed")
  group.add_argument(
    "--quality",
    choices=QUALITIES,
    default="normal",
    help="fast takes 0.6 of the time of normal, best four times as much; on "
    "the network of `make demo` they differ by a hundredth of a dB",
  )
  group.add_argument(
    "--device",
    help="cpu, gpu, tpu, or one of several, gpu:1; if not given, the first "
    "that JAX finds",
  )
  group.add_argument(
    "--max_memory",
    type=_bytes,
    metavar="SIZE",
    help="that separating may take on the device, 500MB or 2GB",
  )


def _bytes(text: str) -> int:
  """Reads a size as a person writes it."""
  match = _MEMORY.fullmatch(text.strip())
  size = math.inf
  if match is not None:
    size = float(match[1]) * 1024 ** _POWERS[match[2].lower()]
  if not 1 <= size < math.inf:
    raise argparse.ArgumentTypeError(f"{text!r} is no size: write 500MB or 2GB")
  return int(size)


def separate_request(parsed: argparse.Namespace) -> Request:
  """Returns what the words of `separate` ask for.

  Args:
    parsed: What the parser returned.

  Returns:
    The request.

  Raises:
    InputError: If the words make no sense together.
  """
  output = None if parsed.output == "-" else Path(parsed.output)
  targets = [
    Target(
      name=group.get("name", TARGET),
      positives=group.get("positive", ()),
      negatives=group.get("negative", ()),
      profiles=group.get("profile", ()),
      instrument=group.get("instrument"),
    )
    for group in parsed.targets or [{}]
  ]
  if not parsed.output:
    raise InputError("-o is empty: name a folder")
  if output is None and parsed.json:
    raise InputError(
      "-o - writes sound to standard output, where --json writes, too: leave "
      "out one of them"
    )
  return Request(
    songs=parsed.songs,
    targets=targets,
    model=parsed.model,
    output=output,
    format=parsed.format,
    bit_depth=parsed.bit_depth,
    quality=parsed.quality,
    device=parsed.device,
    max_memory=parsed.max_memory,
    gate=parsed.gate,
    overwrite=parsed.overwrite,
    dry_run=parsed.dry_run,
    progress=not parsed.json,
  )


class _BeginTarget(argparse.Action):
  """Begins a group of examples with a name of its own."""

  def __call__(
    self,
    parser: argparse.ArgumentParser,
    namespace: argparse.Namespace,
    values: str | Sequence[Any] | None,
    option_string: str | None = None,
  ) -> None:
    """Adds an empty group to `targets`."""
    groups = namespace.targets or []
    if groups and "name" not in groups[0]:
      parser.error(
        f"--target {values}: the examples before it belong to no target; put a "
        "--target before them, too"
      )
    namespace.targets = [*groups, {"name": values}]


class _AddToTarget(argparse.Action):
  """Adds to the last group; without any, to that of the one target."""

  def __call__(
    self,
    parser: argparse.ArgumentParser,
    namespace: argparse.Namespace,
    values: str | Sequence[Any] | None,
    option_string: str | None = None,
  ) -> None:
    """Adds the words to those of their kind."""
    groups = namespace.targets or [{}]
    last = groups[-1]
    if isinstance(values, list):
      values = [*last.get(self.dest, ()), *values]
    elif self.dest in last:
      parser.error(f"{option_string} is there twice for one target")
    namespace.targets = [*groups[:-1], {**last, self.dest: values}]
