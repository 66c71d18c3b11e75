"""Work done ahead in a thread: reading, computing and writing at once."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Generator[T, None, None], count: int) -> Generator[T]:
  """Runs a generator in a thread of its own, a few items ahead.

  Args:
    items: What yields the items. It is run to its next `yield` at a time, so it
      needs no lock; it is closed when this one ends or is closed.
    count: How many items are made or kept ready beside the one in use.

  Yields:
    The items, in their order.

  Raises:
    BaseException: What the generator raised, in its place.
  """
  end = object()
  with ThreadPoolExecutor(1) as pool:
    waiting: deque[Future] = deque(
      pool.submit(next, items, end) for _ in range(count)
    )
    try:
      while (item := waiting.popleft().result()) is not end:
        waiting.append(pool.submit(next, items, end))
        yield item
    finally:
      for future in waiting:
        future.cancel()
      pool.submit(items.close).result()
