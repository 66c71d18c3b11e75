"""The words of the verbs `serve` and `doctor`."""

import argparse
from pathlib import Path

_HOST = "127.0.0.1"


def add_serve_verbs(verbs: argparse._SubParsersAction) -> None:
  """Adds `serve` and `doctor` to the verbs of the command line.

  Args:
    verbs: What argparse returned for all of them.
  """
  serve = verbs.add_parser(
    "serve",
    help="a page for the browser that does what `separate` does",
    description="Needs the extra [web]. Ends with Ctrl-C; whatever was handed "
    "in is removed when its page is closed, and at the end.",
  )
  _add_model(serve)
  serve.add_argument(
    "--host",
    default=_HOST,
    help=f"address to listen on; {_HOST}, the default, is this machine alone. "
    "Whoever reaches another one can use the page: there are no passwords",
  )
  serve.add_argument(
    "--port", type=int, default=7860, help="7860 if not given; 0: any free one"
  )
  serve.add_argument(
    "--max_minutes",
    type=_positive,
    default=15,
    help="of a song or a clip: 15 if not given",
  )
  serve.add_argument(
    "--max_megabytes",
    type=_positive,
    default=200,
    help="of a file that is handed in: 200 if not given",
  )
  serve.add_argument(
    "--at_once",
    type=_count,
    default=1,
    help="separations that run at a time: 1 if not given",
  )
  serve.add_argument(
    "--queue",
    type=_count,
    default=20,
    help="separations that may wait: 20 if not given",
  )
  serve.set_defaults(verb="serve")

  doctor = verbs.add_parser(
    "doctor",
    help="versions, devices, codecs, and what is missing for what",
    description="Looks at this installation and asks nothing of the network. "
    "Exit status 0: `separate` can run here; 1: it cannot.",
  )
  _add_model(doctor)
  doctor.add_argument(
    "--json", action="store_true", help="print one JSON object instead"
  )
  doctor.set_defaults(verb="doctor")


def _add_model(verb: argparse.ArgumentParser) -> None:
  verb.add_argument(
    "-m",
    "--model",
    type=Path,
    help="folder of a model, as of separate; if not given, the one that comes "
    "with fewshot-mss",
  )


def _positive(text: str) -> float:
  try:
    value = float(text)
  except ValueError:
    value = 0.0
  if not 0 < value < float("inf"):
    raise argparse.ArgumentTypeError(f"{text} is no number above 0")
  return value


def _count(text: str) -> int:
  if not text.isdecimal() or not int(text):
    raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
  return int(text)
