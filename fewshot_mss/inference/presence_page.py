"""Where a target was heard, in words or values for JSON."""

from typing import Any

from fewshot_mss.audio.clock import clock
from fewshot_mss.inference.presence import Presence

_LISTED = 10
# Below this, it is a guess that the song holds it.
_SURE = 0.75


def presence_line(name: str, presence: Presence) -> str:
  """Says where a target was heard and how sure that is.

  Args:
    name: Of the target.
    presence: What `PresenceMeter` returned.

  Returns:
    One line.
  """
  if presence.is_absent:
    sure = 1 - presence.probability
    return f"{name}: absent from the whole song, {100 * sure:.0f} % sure"
  spans = [
    # As parts of files are named, so that they serve as examples.
    f"{clock(round(begin_s, 1))}-{clock(round(end_s, 1))}"
    for begin_s, end_s in presence.spans_s
  ]
  if len(spans) > _LISTED:
    spans[_LISTED:] = [f"and {len(spans) - _LISTED} more"]
  if presence.probability < _SURE:
    return (
      f"{name}: not sure that the song holds it "
      f"({100 * presence.probability:.0f} %); if it does, {', '.join(spans)}"
    )
  return (
    f"{name}: heard {', '.join(spans)} "
    f"({100 * presence.moment_probability:.0f} % sure); in the song, "
    f"{100 * presence.probability:.0f} % sure"
  )


def presence_json(presence: Presence) -> dict[str, Any]:
  """Returns where a target was heard as JSON values.

  Args:
    presence: What `PresenceMeter` returned.

  Returns:
    `absent`, `probability`, `spans_s` and `moment_probability`.
  """
  return {
    "absent": presence.is_absent,
    "probability": presence.probability,
    "spans_s": [list(span) for span in presence.spans_s],
    "moment_probability": presence.moment_probability,
  }
