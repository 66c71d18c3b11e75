"""Errors that a person is told of in one line; each has an exit status."""

import re

_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")


def one_line(text: str) -> str:
  """Returns a text that stays on one line of a terminal, whatever it names.

  Names of files may hold line breaks and what moves the cursor: such characters
  become their escapes.
  """
  return _CONTROL.sub(
    lambda found: found[0].encode("unicode_escape").decode(), text
  )


class InputError(ValueError):
  """Input that cannot be used: a file, a folder, a key, a value.

  The message is one line: what is wrong, where, and what to do about it. The
  command line prints it and exits with status 2; a program catches it here.
  """


class RunError(RuntimeError):
  """Long work that cannot go on; the message says where and the way out.

  The command line prints it and exits with status 1.
  """


class RestartError(RuntimeError):
  """A run that has ended early and goes on where it was if started again.

  It was told to end and has saved its state, or another process of the run is
  gone. The command line prints it and exits with status 75 (EX_TEMPFAIL), which
  launchers take as "start me again".
  """
