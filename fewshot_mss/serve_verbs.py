"""The verbs `serve` and `doctor` of the command line.

Here rather than in their rooms, so that whoever only asks for help does not
wait for JAX.
"""

import argparse
import sys

from fewshot_mss.errors import RunError


def _serve(parsed: argparse.Namespace) -> None:
  from fewshot_mss.web.limits import Limits
  from fewshot_mss.web.server import Settings, serve

  serve(
    Settings(
      model=parsed.model,
      host=parsed.host,
      port=parsed.port,
      limits=Limits(parsed.max_minutes, parsed.max_megabytes),
      at_once=parsed.at_once,
      queue=parsed.queue,
    )
  )


def _doctor(parsed: argparse.Namespace) -> None:
  import json

  from fewshot_mss.doctor import examine, report_lines

  report = examine(parsed.model)
  # Folders may have names that the terminal cannot show.
  sys.stdout.reconfigure(errors="backslashreplace")
  for line in [json.dumps(report)] if parsed.json else report_lines(report):
    print(line)
  if not report["can_separate"]:
    raise RunError(f"separate cannot run here: {report['problems'][0]}")


SERVE_VERBS = {"serve": _serve, "doctor": _doctor}
