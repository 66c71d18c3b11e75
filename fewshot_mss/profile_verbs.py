"""The verbs `profile ...` of the command line; each calls one function.

Here rather than in the room of inference: that one imports JAX, and a command
that only prints its help does not wait for it.
"""

import argparse
import datetime

from fewshot_mss.terminal import put, say, show


def _profile_build(parsed: argparse.Namespace) -> None:
  from fewshot_mss.inference.profile_command import build_profile

  page = build_profile(
    parsed.positive,
    parsed.negative,
    model=parsed.model,
    output=parsed.output,
    name=parsed.name,
    overwrite=parsed.overwrite,
    today=_today(),
  )
  show(page)
  say(f"wrote {parsed.output}")


def _profile_show(parsed: argparse.Namespace) -> None:
  import json

  from fewshot_mss.inference.profile_files import load_profile
  from fewshot_mss.inference.profile_page import profile_json, profile_page

  profile = load_profile(parsed.file)
  if parsed.json:
    put(json.dumps(profile_json(profile), indent=2, allow_nan=False) + "\n")
  else:
    show(profile_page(profile))


def _profile_merge(parsed: argparse.Namespace) -> None:
  from fewshot_mss.inference.profile_command import merge_files

  merge_files(
    parsed.files,
    output=parsed.output,
    name=parsed.name,
    overwrite=parsed.overwrite,
    today=_today(),
  )
  say(f"wrote {parsed.output}")


def _profile_list(parsed: argparse.Namespace) -> None:
  from fewshot_mss.inference.profile_command import list_profiles

  show(list_profiles(parsed.folder))


def _today() -> str:
  return datetime.date.today().isoformat()


PROFILE_VERBS = {
  "profile build": _profile_build,
  "profile show": _profile_show,
  "profile merge": _profile_merge,
  "profile list": _profile_list,
}
