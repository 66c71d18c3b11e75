"""Libraries that talk: their notices are for their developers."""

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
  """Holds back what is logged below an error."""
  before = logging.root.manager.disable
  logging.disable(logging.WARNING)
  try:
    yield
  finally:
    logging.disable(before)


with quiet():
  # It warns of Google's client libraries, which only its own runners need.
  import apache_beam as beam

__all__ = ["beam", "quiet"]
