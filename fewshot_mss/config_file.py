"""A configuration from its file and the overrides of the command line."""

from pathlib import Path

from absl import flags
from ml_collections import ConfigDict, config_flags

from fewshot_mss import default_config
from fewshot_mss.errors import InputError

CONFIG_HELP = "--config=FILE.py[:ARGUMENT] and any number of --config.KEY=VALUE"


def load_config(config_words: list[str]) -> ConfigDict | None:
  """Reads a configuration file and its overrides.

  Args:
    config_words: `--config=FILE` and any number of `--config.KEY=VALUE`.

  Returns:
    The configuration; None without words.

  Raises:
    InputError: If the file cannot be read, or a key or a value's type is not
      that of `default_config.get_config`.
  """
  if not config_words:
    return None
  files = [word for word in config_words if word.startswith("--config=")]
  if not files:
    raise InputError(f"{config_words[0]} without a file: give {CONFIG_HELP}")
  path = Path(files[-1].removeprefix("--config=").split(":")[0])
  if not path.is_file():
    raise InputError(f"{path} is no file: give {CONFIG_HELP}")
  words = ["fewshot-mss", *config_words]
  values = flags.FlagValues()
  config_flags.DEFINE_config_file("config", flag_values=values, sys_argv=words)
  try:
    values(words)
    _check_tree(values.config, files[-1])
    return values.config
  except InputError:
    raise
  # What ml_collections raises for keys that do not exist and values of another
  # type, and what reading the file may raise.
  except (
    flags.Error,
    OSError,
    LookupError,
    AttributeError,
    TypeError,
    ImportError,
    NameError,
    SyntaxError,
  ) as error:
    raise InputError(
      f"{files[-1]}: {_reason(error)} (fewshot_mss/default_config.py explains "
      "every key)"
    ) from error


def _reason(error: BaseException) -> str:
  """Returns in one line why a configuration cannot be read."""
  text = str(error.args[0] if error.args else error)
  # An error inside the file comes as a traceback whose last line says it, a
  # KeyError's text quoted, with quotes inside.
  lines = text.replace("\\n", "\n").replace("\\'", "'").splitlines()
  reason = lines[-1] if "Traceback" in text else " ".join(lines)
  reason = reason.removeprefix("fewshot_mss.errors.InputError: ")
  if "has no attribute 'get_config'" in reason:
    return "it defines no get_config()"
  while len(reason) > 1 and reason[0] == reason[-1] and reason[0] in "'\"":
    reason = reason[1:-1]
  if isinstance(error, LookupError | AttributeError):
    return f"no such key: {reason}"
  return reason


def _check_tree(config: object, name: str) -> None:
  """Refuses what has not the keys and types of the default configuration."""
  advice = "change values of what default_config.get_config() returns alone"
  if not isinstance(config, ConfigDict):
    raise InputError(
      f"{name}: get_config returns a {type(config).__name__}: {advice}"
    )
  wanted, given = _leaves(default_config.get_config()), _leaves(config)
  for key in sorted(wanted.keys() ^ given.keys()):
    does = "lacks" if key in wanted else "has the key that does not exist"
    raise InputError(f"{name} {does} {key}: {advice}")
  for key, value in wanted.items():
    if not _is_like(given[key], value):
      raise InputError(
        f"{name}: {key} is {given[key]!r}: give something like {value!r}"
      )


def _is_like(value: object, like: object) -> bool:
  """Tells whether a value has a type; all items of a tuple have one."""
  if isinstance(like, tuple):
    return isinstance(value, tuple) and all(
      type(item) is type(like[0]) for item in value
    )
  return type(value) is type(like)


def _leaves(config: ConfigDict, prefix: str = "") -> dict[str, object]:
  leaves = {}
  for key, value in config.items():
    if isinstance(value, ConfigDict):
      leaves |= _leaves(value, f"{prefix}{key}.")
    else:
      leaves[prefix + key] = value
  return leaves
