"""What profiles hold, as tables for the terminal or values for JSON."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from fewshot_mss.errors import one_line
from fewshot_mss.inference.profiles import Profile

_HASH_SIGNS = 8


def profile_page(profile: Profile) -> Group:
  """Makes the page of a profile.

  Args:
    profile: What `load_profile` returned.

  Returns:
    What `rich.print` shows.
  """
  made_by = profile.package_version
  facts = Table(show_header=False)
  facts.add_column()
  facts.add_column(overflow="fold")
  for name, fact in (
    ("shows", profile.name),
    ("examples", _counts(profile)),
    ("made", f"{profile.created} by fewshot-mss {made_by}".strip()),
    ("for the model", f"SHA-256 {profile.model_hash}"),
  ):
    facts.add_row(name, _text(fact))
  examples = Table()
  examples.add_column("example", overflow="fold")
  examples.add_column("kind")
  for heading in ("length, s", "level, dBFS", "SHA-256"):
    examples.add_column(heading, justify="right")
  for example in profile.examples:
    examples.add_row(
      _text(example.name),
      example.kind,
      f"{example.length_s:.2f}",
      f"{example.level_dbfs:.1f}",
      example.sha256[:_HASH_SIGNS],
    )
  return Group(facts, examples)


def profiles_table(profiles: Sequence[tuple[str, Profile | str]]) -> Table:
  """Makes the table of several profiles.

  Args:
    profiles: The names of their files, and what they hold; of one that cannot
      be used, what is wrong with it.

  Returns:
    What `rich.print` shows.
  """
  table = Table()
  for heading in ("file", "shows"):
    table.add_column(heading, overflow="fold")
  for heading in ("examples", "seconds", "model"):
    table.add_column(heading, justify="right")
  for name, profile in profiles:
    if isinstance(profile, str):
      table.add_row(_text(name), _text(profile), *"---")
      continue
    seconds = sum(example.length_s for example in profile.examples)
    table.add_row(
      _text(name),
      _text(profile.name),
      _counts(profile),
      f"{seconds:.0f}",
      profile.model_hash[:_HASH_SIGNS],
    )
  return table


def profile_json(profile: Profile) -> dict[str, Any]:
  """Returns what a profile holds, but for its vectors, as JSON values.

  Args:
    profile: What `load_profile` returned.

  Returns:
    `name`, `model_hash`, `created`, `package_version`, `counts`, `examples`.
  """
  return {
    "name": profile.name,
    "model_hash": profile.model_hash,
    "created": profile.created,
    "package_version": profile.package_version,
    "counts": {
      "positive": profile.positive.count,
      "negative": profile.negative.count,
    },
    "examples": [example._asdict() for example in profile.examples],
  }


def _counts(profile: Profile) -> str:
  positive, negative = profile.positive.count, profile.negative.count
  if not negative:
    return f"{positive}"
  return f"{positive}, and {negative} of what is not meant"


def _text(line: str) -> Text:
  # A stranger's names: no markup, and nothing that moves the cursor.
  return Text(one_line(line))
