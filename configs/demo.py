"""What `make demo` trains: rendered songs, six minutes on two CPU cores."""

from ml_collections import ConfigDict

from fewshot_mss import default_config


def get_config() -> ConfigDict:
  """Returns the configuration."""
  config = default_config.get_config()
  config.data.path = "runs/demo/data"
  return config
