"""What signals do within the block, and what they did before."""

import os
import signal

import pytest

from fewshot_mss.signals import ToldToEnd, signals_unwind

BOTH = (signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def handlers():
  before = {number: signal.getsignal(number) for number in BOTH}
  for number in BOTH:
    signal.signal(number, signal.SIG_DFL)
  yield
  for number, handler in before.items():
    signal.signal(number, handler)


@pytest.mark.parametrize(("number", "status"), [(BOTH[0], 143), (BOTH[1], 129)])
def test_the_first_leaves_the_block_and_others_let_it_tidy(
  handlers, number, status
):
  tidied = False
  with pytest.raises(ToldToEnd) as caught, signals_unwind():
    try:
      os.kill(os.getpid(), number)
    finally:
      for other in BOTH:
        os.kill(os.getpid(), other)
      tidied = True
  assert tidied
  assert caught.value.status == status
  assert [signal.getsignal(other) for other in BOTH] == [signal.SIG_DFL] * 2


def test_what_is_ignored_stays_ignored(handlers):
  signal.signal(signal.SIGHUP, signal.SIG_IGN)
  with signals_unwind():
    os.kill(os.getpid(), signal.SIGHUP)
  assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
