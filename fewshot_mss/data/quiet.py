"""Libraries that talk: their notices are for their developers."""

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def quiet(level: int = logging.WARNING) -> Iterator[None]:
  """Holds back what is logged below an error, or up to a level."""
  before = logging.root.manager.disable
  logging.disable(level)
  try:
    yield
  finally:
    logging.disable(before)


with quiet():
  # It warns of Google's client libraries, which only its own runners need.
  import apache_beam as beam

__all__ = ["beam", "quiet"]
