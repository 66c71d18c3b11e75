"""Times as a person writes them."""


def clock(time_s: float) -> str:
  """Writes a time as minutes and seconds: 1:02, 0:07.25."""
  minutes, seconds = divmod(round(time_s, 3), 60)
  text = f"{seconds:06.3f}".rstrip("0").rstrip(".")
  return f"{int(minutes)}:{text}"
