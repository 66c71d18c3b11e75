"""`fewshot-mss serve`: the page, on this machine alone if not told more."""

import contextlib
import ipaddress
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fewshot_mss.errors import InputError
from fewshot_mss.inference.separator import Separator
from fewshot_mss.signals import signals_unwind
from fewshot_mss.web.folder import server_folder
from fewshot_mss.web.limits import Limits
from fewshot_mss.web.visitors import Visitors

if TYPE_CHECKING:
  from starlette.types import ASGIApp

# Gradio counts its users otherwise.
_QUIET = {"GRADIO_ANALYTICS_ENABLED": "False"}
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# Pages that are open keep connections open.
_CLOSING_S = 1


class Settings(NamedTuple):
  """What `serve` was told.

  Attributes:
    model: An archive, or `hf://user/name`.
    host: Address to listen on.
    port: Likewise; 0 for any that is free.
    limits: What is too much to hand in.
    at_once: How many separations run at a time.
    queue: How many more may wait.
  """

  model: Path
  host: str
  port: int
  limits: Limits
  at_once: int
  queue: int


def serve(settings: Settings) -> None:
  """Serves the page until the process is told to end.

  Nothing that a visitor hands in, or gets, outlives the page or the server.

  Args:
    settings: What to serve, and where.

  Raises:
    InputError: If the model or the address cannot be used.
  """
  with contextlib.ExitStack() as stack:
    # In peace: that is how it is meant to end.
    stack.enter_context(contextlib.suppress(KeyboardInterrupt))
    stack.enter_context(signals_unwind())
    listening = stack.enter_context(_listen(settings.host, settings.port))
    root = stack.enter_context(server_folder())
    # Gradio makes its own folder; nothing is ever put there. It reads this when
    # it is imported.
    os.environ.update(_QUIET, GRADIO_TEMP_DIR=str(root / "gradio"))
    visitors = Visitors(root)
    stack.callback(visitors.close)
    app = _build_app(settings, visitors)
    _answer(app, settings.host, listening)


def _build_app(settings: Settings, visitors: Visitors) -> "ASGIApp":
  """Puts the parts together.

  Args:
    settings: What to serve.
    visitors: Who is there.

  Returns:
    The application, behind its gate.
  """
  # Before the model is loaded: whether the extra is there is told at once.
  import gradio as gr
  from fastapi import FastAPI

  from fewshot_mss.web.gate import Gate
  from fewshot_mss.web.page import build_page
  from fewshot_mss.web.routes import add_routes

  separator = Separator.from_pretrained(settings.model)
  app = FastAPI(openapi_url=None)
  add_routes(app, visitors, settings.limits)
  page = build_page(
    separator, visitors, settings.limits, settings.at_once, settings.queue
  )
  # Fonts that every machine has, so none is fetched; a grey that can be read.
  theme = gr.themes.Default(
    font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
  ).set(
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
  )
  app = gr.mount_gradio_app(
    app,
    page,
    path="/",
    footer_links=[],
    show_error=False,
    run_history=False,
    ssr_mode=False,
    enable_monitoring=False,
    mcp_server=False,
    theme=theme,
    head='<script src="own/page.js"></script>'
    '<link rel="stylesheet" href="own/page.css">',
  )
  local = _is_loopback(settings.host)
  return Gate(app, _LOOPBACK_NAMES if local else None)


def _answer(app: "ASGIApp", host: str, listening: socket.socket) -> None:
  """Answers until a signal comes."""
  import uvicorn

  class Server(uvicorn.Server):
    """Leaves what is ignored, in the background of a script, ignored."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
      """Listens to Ctrl-C and SIGTERM, as far as they are not ignored."""
      ignored = [
        number
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) == signal.SIG_IGN
      ]
      with super().capture_signals():
        for number in ignored:
          signal.signal(number, signal.SIG_IGN)
        yield

  server = Server(
    uvicorn.Config(
      app,
      log_level="warning",
      timeout_graceful_shutdown=_CLOSING_S,
      server_header=False,
    )
  )
  shown = f"[{host}]" if ":" in host else host
  print(
    f"http://{shown}:{listening.getsockname()[1]}/\nopen this address in a "
    "browser; Ctrl-C ends it and removes all that was handed in",
    flush=True,
  )
  server.run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
  family = socket.AF_INET6 if ":" in host else socket.AF_INET
  try:
    return socket.create_server((host, port), family=family)
  except OSError as error:
    raise InputError(
      f"{host}, port {port}: cannot be listened on ({error.strerror}); give "
      "another --port or --host"
    ) from error


def _is_loopback(host: str) -> bool:
  try:
    return ipaddress.ip_address(host).is_loopback
  except ValueError:
    return host == "localhost"
