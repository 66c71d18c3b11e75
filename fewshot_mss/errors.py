"""The one error that a person can cause and mend."""


class InputError(ValueError):
  """Input that cannot be used: a file, a folder, a key, a value.

  The message is one line: what is wrong, where, and what to do about it. The
  command line prints it and exits with status 2; a program catches it here.
  """


class RunError(RuntimeError):
  """Long work that cannot go on; the message says where and the way out.

  The command line prints it and exits with status 1.
  """
