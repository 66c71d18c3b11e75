"""Files on their way in: written block by block, looked at, kept or dropped."""

import contextlib
import re
import secrets
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio

from fewshot_mss.errors import InputError
from fewshot_mss.web.limits import Limits
from fewshot_mss.web.sounds import look_at
from fewshot_mss.web.visitors import Shown, Tab, Upload, Visitors

KINDS = ("song", "positive", "negative")
# Of a name that is kept; the ending is kept whole.
_NAME_BYTES = 120
# Whatever ends a name, looks like a path or a range, or cannot be printed.
_NOT_IN_NAMES = re.compile(r"[/\\@<>:\"|?*\x00-\x1f\x7f]")


async def take_upload(
  visitors: Visitors,
  tab: Tab,
  kind: str,
  name: str,
  body: AsyncIterator[bytes],
  limits: Limits,
) -> dict[str, Any]:
  """Takes a file of a visitor.

  A song takes the place of the one before it.

  Args:
    visitors: Who is there.
    tab: Into which page it goes.
    kind: One of `KINDS`.
    name: As the visitor calls it.
    body: The file.
    limits: What is too much.

  Returns:
    What the page shows of it.

  Raises:
    InputError: If it cannot be used.
  """
  if len(tab.uploads) >= limits.files:
    raise InputError(
      f"{limits.files} files are handed in already: take some away first"
    )
  key = secrets.token_hex(8)
  with visitors.at_work(tab) as folder, contextlib.ExitStack() as stack:
    path = folder / key / tidy_name(name)
    path.parent.mkdir()
    # Whatever ends it, the visitor who goes away in the middle of it, too.
    stack.callback(remove_folder, path.parent)
    try:
      await _write(path, body, limits)
      sound = await anyio.to_thread.run_sync(look_at, path, kind, limits)
    except InputError as error:
      raise InputError(without_folders(str(error), folder)) from error
    stack.pop_all()
  if kind == "song":
    for old in list(tab.uploads):
      if tab.uploads[old].kind == "song":
        drop_upload(tab, old)
  tab.uploads[key] = Upload(kind, path.name, path, sound.seconds)
  tab.shown[key] = Shown(path, sound.media_type, path.name)
  return {
    "key": key,
    "name": path.name,
    "seconds": round(sound.seconds, 3),
    "outline": [round(float(peak), 3) for peak in sound.outline],
  }


def drop_upload(tab: Tab, key: str) -> None:
  """Removes one of a tab's uploads; one that is not there is no error."""
  upload = tab.uploads.pop(key, None)
  tab.shown.pop(key, None)
  if upload is not None:
    remove_folder(upload.path.parent)


def remove_folder(folder: Path) -> None:
  """Removes a folder that holds files alone, as far as it is there."""
  for path in folder.glob("*"):
    path.unlink(missing_ok=True)
  if folder.exists():
    folder.rmdir()


def tidy_name(name: str) -> str:
  """Returns a file name that is safe to make, and still the visitor's.

  Args:
    name: What a browser says that the file is called.

  Returns:
    The last part of it, without what has a meaning in paths.
  """
  last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
  printable = "".join(letter for letter in last if letter.isprintable())
  stem, dot, ending = _NOT_IN_NAMES.sub("_", printable).rpartition(".")
  if not dot:
    stem, ending = ending, ""
  room = _NAME_BYTES - len(ending[:10].encode()) - 1
  stem = stem.encode()[:room].decode(errors="ignore").strip(" .")
  return (stem or "sound") + dot + ending[:10]


def without_folders(message: str, folder: Path) -> str:
  """Returns a message with the names of files, not where they lie."""
  return re.sub(re.escape(str(folder)) + r"/(?:[0-9a-f]{16}/)?", "", message)


async def _write(
  path: Path, body: AsyncIterator[bytes], limits: Limits
) -> None:
  count = 0
  async with await anyio.open_file(path, "xb") as file:
    async for chunk in body:
      count += len(chunk)
      limits.check_bytes(count)
      limits.check_room(path.parent, count)
      await file.write(chunk)
