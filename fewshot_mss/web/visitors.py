"""Who is there, and the files of each, which no other can reach.

A browser is a visitor, known by a cookie; each of its tabs has a folder of its
own. Folder names never leave the server: a file is asked for by the name of the
tab and its own, and both are looked up in a table, so no path can be made up.
"""

import contextlib
import dataclasses
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from fewshot_mss.errors import InputError

# A tab that has asked for nothing in so long is taken for gone.
_IDLE_S = 6 * 3600
# How long the end of the server waits for work that is told to stop.
_WAIT_S = 20


class Upload(NamedTuple):
  """What a visitor has handed in.

  Attributes:
    kind: `song`, `positive` or `negative`.
    name: As the visitor calls it.
    path: Where it lies.
    seconds: How long it is.
  """

  kind: str
  name: str
  path: Path
  seconds: float


class Shown(NamedTuple):
  """A file that the visitor may fetch.

  Attributes:
    path: Where it lies.
    media_type: Of its content.
    name: What it is called when it is saved.
  """

  path: Path
  media_type: str
  name: str


@dataclasses.dataclass(eq=False)
class Tab:
  """One page that is open.

  Attributes:
    name: By which the page asks for its files; it cannot be guessed.
    visitor: Whose it is: the cookie's value.
    session: What Gradio calls it.
    folder: Where its files lie; made with the first of them.
    uploads: What was handed in, by a name of the server's making.
    shown: What can be fetched, by name.
    ended: Set when the page is closed, or the server ends.
    last_seen_s: On the monotonic clock.
  """

  name: str
  visitor: str
  session: str
  folder: Path
  uploads: dict[str, Upload] = dataclasses.field(default_factory=dict)
  shown: dict[str, Shown] = dataclasses.field(default_factory=dict)
  ended: threading.Event = dataclasses.field(default_factory=threading.Event)
  last_seen_s: float = 0.0

  def of_kind(self, kind: str) -> list[Upload]:
    """Returns the uploads of a kind, in the order in which they came."""
    return [some for some in self.uploads.values() if some.kind == kind]


class Visitors:
  """All open tabs. Its methods may be called from any thread."""

  def __init__(self, root: Path):
    """Takes the folder in which those of the tabs are made."""
    self._root = root
    self._tabs: dict[str, Tab] = {}
    self._changed = threading.Condition()
    self._working = 0
    self._closed = False

  def enter(self, visitor: str, session: str) -> str:
    """Begins a tab.

    Args:
      visitor: Whose it is.
      session: What Gradio calls it.

    Returns:
      Its name.
    """
    self._leave_idle()
    name = secrets.token_urlsafe(16)
    folder = self._root / secrets.token_hex(16)
    tab = Tab(name, visitor, session, folder, last_seen_s=time.monotonic())
    with self._changed:
      self._tabs[name] = tab
      if self._closed:
        tab.ended.set()
    return name

  def tab(self, visitor: str, name: str) -> Tab:
    """Returns a visitor's own tab.

    Args:
      visitor: Who asks.
      name: What `enter` returned.

    Returns:
      The tab.

    Raises:
      InputError: If the visitor has none of that name.
    """
    with self._changed:
      tab = self._tabs.get(name)
      if tab is None or not secrets.compare_digest(tab.visitor, visitor):
        raise InputError("this page is no longer in use: load it again")
      tab.last_seen_s = time.monotonic()
      return tab

  def leave(self, visitor: str, session: str) -> None:
    """Ends the tabs that are one session of Gradio's, with their files."""
    self._end(lambda tab: (tab.visitor, tab.session) == (visitor, session))

  @contextlib.contextmanager
  def at_work(self, tab: Tab) -> Iterator[Path]:
    """Keeps the folder of a tab, made if need be, for the `with` block.

    Args:
      tab: For which something is read or written.

    Yields:
      The folder.

    Raises:
      InputError: If the tab has ended.
    """
    with self._changed:
      if tab.ended.is_set():
        raise InputError("this page is no longer in use: load it again")
      self._working += 1
    try:
      tab.folder.mkdir(mode=0o700, exist_ok=True)
      yield tab.folder
    finally:
      if tab.ended.is_set():
        shutil.rmtree(tab.folder, ignore_errors=True)
      with self._changed:
        self._working -= 1
        self._changed.notify_all()

  def close(self) -> None:
    """Ends all tabs, and waits for what is at work, which sees it and stops."""
    with self._changed:
      self._closed = True
    self._end(lambda tab: True)
    with self._changed:
      self._changed.wait_for(lambda: not self._working, timeout=_WAIT_S)

  def _leave_idle(self) -> None:
    oldest_s = time.monotonic() - _IDLE_S
    self._end(lambda tab: tab.last_seen_s < oldest_s)

  def _end(self, ends: Callable[[Tab], bool]) -> None:
    with self._changed:
      names = [name for name, tab in self._tabs.items() if ends(tab)]
      tabs = [self._tabs.pop(name) for name in names]
      for tab in tabs:
        tab.ended.set()
    for tab in tabs:
      shutil.rmtree(tab.folder, ignore_errors=True)
