"""Model folders on the Hugging Face Hub, by its own client: push and pull.

Whatever reaches for the network is asked for by name: a folder that is mistyped
is an error here, not a stranger's model.
"""

import hashlib
import json
import re
from pathlib import Path
from types import ModuleType

from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import CARD_NAME, PROFILES_NAME, WEIGHTS_NAME
from fewshot_mss.export.checks import CONFIG_NAME
from fewshot_mss.export.shipped import shipped_folder

PREFIX = "hf://"
# Keys of `config.json` that tell the forms apart; an archive has neither.
_OTHER_FORMS = ("stablehlo", "onnx")
_NAME = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"


def local_folder(place: Path | str | None) -> Path:
  """Returns the folder of a model, fetched from the hub if it is there.

  Args:
    place: A folder, or `hf://user/name`, or `hf://user/name@REVISION`; what
      was fetched before is not fetched again. None for the model that comes
      with the package.

  Returns:
    The folder.

  Raises:
    InputError: If the hub is asked and has no such model, or cannot be reached;
      if the package comes without a model.
  """
  if place is None:
    return shipped_folder()
  # As a Path, `//` is `/`.
  text = re.sub(r"^hf:/+", PREFIX, str(place))
  if not text.startswith(PREFIX):
    return Path(place)
  name, _, revision = text.removeprefix(PREFIX).partition("@")
  _check_name(name, text)
  hub = _client(f"to fetch {text}")
  try:
    fetched = hub.snapshot_download(
      name,
      revision=revision or None,
      allow_patterns=[
        CONFIG_NAME,
        WEIGHTS_NAME,
        CARD_NAME,
        f"{PROFILES_NAME}/*",
      ],
    )
  except _errors(hub) as error:
    raise InputError(
      f"{text} cannot be fetched ({_reason(error)}): see that the model is "
      "there, that you may read it, and that the network is up"
    ) from error
  return Path(fetched)


def check_push(name: str, form: str = "archive") -> None:
  """Checks what can be checked of an upload before anything is uploaded.

  Args:
    name: Of the model on the hub, `user/name`.
    form: What is to be uploaded: `archive`, `stablehlo` or `onnx`.

  Raises:
    InputError: If it is no name, the client is missing, nobody is logged in, or
      what is there would be spoilt: another form, or a card that a person
      wrote in.
  """
  _check_name(name, f"--push={name}")
  hub = _client("for --push")
  try:
    hub.HfApi().whoami()
  except _errors(hub) as error:
    raise InputError(
      f"--push={name}: the hub does not know you ({_reason(error)}): log in "
      "with `hf auth login`, or set HF_TOKEN"
    ) from error
  try:
    there = hub.snapshot_download(
      name, revision=None, allow_patterns=[CONFIG_NAME, CARD_NAME]
    )
  except hub.errors.RepositoryNotFoundError:
    return
  except _errors(hub) as error:
    raise InputError(
      f"--push={name}: what is there cannot be seen ({_reason(error)}): see "
      "that you may read it, and that the network is up"
    ) from error
  _check_there(Path(there), name, form)


def _check_there(directory: Path, name: str, form: str) -> None:
  """Refuses to spoil what the hub holds; see `check_push`."""
  path, card = directory / CONFIG_NAME, directory / CARD_NAME
  try:
    config = json.loads(path.read_bytes()) if path.exists() else {}
  except (ValueError, RecursionError):
    config = {}
  if not isinstance(config, dict):
    config = {}
  theirs = next((key for key in _OTHER_FORMS if key in config), "archive")
  if config and theirs != form:
    raise InputError(
      f"--push={name}: an export as {theirs} is there, and its {CONFIG_NAME} "
      "would be lost: name another model"
    )
  if form == "archive" and card.exists():
    digest = hashlib.sha256(card.read_bytes()).hexdigest()
    if digest != config.get("card_sha256"):
      # A person who chose a licence wrote it there.
      raise InputError(
        f"--push={name}: its {CARD_NAME} has been changed there, and would be "
        "lost: export without --push and upload what you want of it, or name "
        "another model"
      )


def push_folder(directory: Path, name: str) -> str:
  """Uploads the files of a folder as one commit.

  A model that is not there yet is made, and is private: who may see it, and
  under what licence, is for its owner to say.

  Args:
    directory: What an export wrote.
    name: Of the model on the hub, `user/name`.

  Returns:
    Its address.

  Raises:
    InputError: If it cannot be uploaded; the folder stays.
  """
  hub = _client("for --push")
  api = hub.HfApi()
  try:
    api.create_repo(name, private=True, exist_ok=True)
    api.upload_folder(
      repo_id=name,
      folder_path=directory,
      commit_message="Export of fewshot-mss",
    )
  except _errors(hub) as error:
    raise InputError(
      f"{directory} is written but could not be pushed to {name} "
      f"({_reason(error)}): mend it and export again"
    ) from error
  return f"https://huggingface.co/{name}"


def _check_name(name: str, given: str) -> None:
  if not re.fullmatch(_NAME, name):
    raise InputError(
      f"{given} names no model of the hub: give user/name, in letters, digits, "
      "'-', '_' and '.'"
    )


def _client(purpose: str) -> ModuleType:
  try:
    import huggingface_hub
  except ModuleNotFoundError as error:
    raise InputError(
      f"huggingface_hub is not installed: pip install 'fewshot-mss[hub]' "
      f"{purpose}"
    ) from error
  return huggingface_hub


def _errors(hub: ModuleType) -> tuple[type[Exception], ...]:
  """Returns what the client raises on names, rights and networks."""
  # What the hub answers is told by a class that is also an error of the HTTP
  # library, which differs between versions and raises what the network does.
  answers = hub.errors.HfHubHTTPError
  return (answers, *answers.__bases__, hub.errors.HFValidationError, OSError)


def _reason(error: Exception) -> str:
  """Returns the first line of an error that may have many."""
  lines = str(error).strip().splitlines()
  return lines[0].rstrip(".") if lines else type(error).__name__
