"""A hub in a folder, by the few calls of the client that are made of it.

Each call is held against the real client's signature where that is installed.
"""

import inspect
import shutil
import sys
import types
from pathlib import Path

try:
  from huggingface_hub import HfApi, snapshot_download
except ModuleNotFoundError:
  REAL = {}
else:
  REAL = {
    "snapshot_download": snapshot_download,
    **{
      name: getattr(HfApi(), name)
      for name in ("whoami", "create_repo", "upload_folder")
    },
  }


class HTTPError(Exception):
  pass


class HfHubHTTPError(HTTPError, OSError):
  pass


class RepositoryNotFoundError(HfHubHTTPError):
  pass


class HFValidationError(ValueError):
  pass


class Hub:
  """What it holds, who asks, and what was asked of it.

  Attributes:
    folder: Of the models, `user/name` below it.
    user: Who is logged in; None for nobody.
    fails_with: Raised by the next upload or download.
    calls: Names of calls with their arguments.
  """

  def __init__(self, folder: Path):
    self.folder = folder
    self.user: str | None = "me"
    self.fails_with: Exception | None = None
    self.calls: list[tuple[str, dict]] = []

  def record(self, function, name, *args, **kwargs):
    self.calls.append((name, kwargs))
    if name in REAL:
      inspect.signature(REAL[name]).bind(*args, **kwargs)
    return function(*args, **kwargs)

  def whoami(self):
    if self.user is None:
      raise OSError("Token is required\nand more lines")
    return {"name": self.user}

  def create_repo(self, repo_id, *, private, exist_ok):
    assert exist_ok
    (self.folder / repo_id).mkdir(parents=True, exist_ok=True)

  def upload_folder(self, *, repo_id, folder_path, commit_message):
    del commit_message
    self._fail()
    shutil.copytree(folder_path, self.folder / repo_id, dirs_exist_ok=True)

  def snapshot_download(self, repo_id, *, revision, allow_patterns):
    self._fail()
    place = self.folder / repo_id
    if revision is not None:
      place = place.with_name(f"{place.name}@{revision}")
    if not place.is_dir():
      raise RepositoryNotFoundError(f"404: no {repo_id}\nRequest ID: 17")
    fetched = self.folder / "cache" / place.name
    fetched.mkdir(parents=True, exist_ok=True)
    for path in place.rglob("*"):
      name = path.relative_to(place)
      if path.is_file() and any(map(name.match, allow_patterns)):
        (fetched / name).parent.mkdir(exist_ok=True)
        shutil.copy(path, fetched / name)
    return str(fetched)

  def _fail(self):
    if self.fails_with is not None:
      raise self.fails_with


def stand_in(monkeypatch, folder: Path) -> Hub:
  """Puts a hub in the place of the client, until the test ends."""
  hub = Hub(folder)

  def call(name):
    def recorded(*args, **kwargs):
      return hub.record(getattr(hub, name), name, *args, **kwargs)

    return recorded

  module = types.ModuleType("huggingface_hub")
  module.errors = types.SimpleNamespace(
    HfHubHTTPError=HfHubHTTPError,
    RepositoryNotFoundError=RepositoryNotFoundError,
    HFValidationError=HFValidationError,
  )
  module.snapshot_download = call("snapshot_download")
  module.HfApi = lambda: types.SimpleNamespace(
    whoami=call("whoami"),
    create_repo=call("create_repo"),
    upload_folder=call("upload_folder"),
  )
  monkeypatch.setitem(sys.modules, "huggingface_hub", module)
  return hub
