"""Work ahead in a thread: the same items, the same errors, nothing left."""

import contextvars
import os
import sys
import threading

import pytest

from fewshot_mss.inference.ahead import ahead


def test_the_items_in_their_order():
  for count in (1, 2, 5):
    assert list(ahead((i * i for i in range(7)), count)) == [
      i * i for i in range(7)
    ]
  assert list(ahead((i for i in ()), 2)) == []


def test_items_are_made_before_they_are_asked_for_but_not_all():
  made = []
  third = threading.Event()

  def items():
    for i in range(10):
      made.append(i)
      if i == 2:
        third.set()
      yield i

  some = ahead(items(), 2)
  assert next(some) == 0
  # Two beside the one in use: without a thread this would wait for ever.
  assert third.wait(10)
  some.close()
  assert made == [0, 1, 2]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have none")
def test_its_thread_has_a_lower_priority():
  def mine():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

  def items():
    yield mine()

  before = mine()
  assert list(ahead(items(), 1)) == [max(before, 10)]
  # Of one within another, too, and never of who takes the items.
  assert list(ahead(ahead(items(), 1), 1)) == [max(before, 10)]
  assert mine() == before


def test_its_thread_has_the_context_of_the_caller():
  visitor = contextvars.ContextVar("visitor")
  visitor.set("mine")

  def items():
    yield visitor.get()

  assert list(ahead(ahead(items(), 1), 1)) == ["mine"]


def test_two_in_a_row_run_at_once():
  first, second = threading.Event(), threading.Event()

  def one():
    yield 1
    first.set()
    assert second.wait(10)
    yield 2

  def other(items):
    for item in items:
      assert first.wait(10)
      second.set()
      yield item

  assert list(ahead(other(ahead(one(), 1)), 1)) == [1, 2]


def test_an_error_comes_in_its_place_and_the_rest_is_closed():
  closed = []

  def items():
    try:
      yield 1
      yield 2
      raise KeyError("here")
    finally:
      closed.append(threading.current_thread())

  seen = []
  with pytest.raises(KeyError, match="here"):
    for item in ahead(items(), 3):
      seen.append(item)
  assert seen == [1, 2]
  assert len(closed) == 1


def test_giving_up_closes_what_made_the_items_and_its_thread():
  before = threading.active_count()
  closed = []

  def items():
    try:
      while True:
        yield 0
    finally:
      closed.append(True)

  # Held here, so that nobody but `ahead` closes it.
  inner = items()
  outer = ahead(ahead(inner, 2), 2)
  next(outer)
  assert threading.active_count() == before + 2
  outer.close()
  assert closed == [True]
  assert threading.active_count() == before
