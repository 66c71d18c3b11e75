"""What stands before every request: who asks, and for what of Gradio's.

Gradio serves files, fetches addresses and keeps a history for whoever asks. The
page needs none of it, so only what it needs is let through; all else is 404.
"""

import json
import re
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "fewshot_mss_visitor"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_LET_THROUGH = re.compile(
  r"/|/config/?|/theme\.css|/favicon\.ico"
  r"|/assets/[\w.-]+|/static/(?:[\w-]+/)?[\w.-]+"
  r"|/gradio_api/(?:queue/join|queue/data|run/predict|heartbeat/\w+|cancel|reset"
  r"|startup-events)/?"
  r"|/own/[\w.-]+|/tabs/.+"
)
_BODIES = ("/gradio_api/queue/join", "/gradio_api/run/predict")
# Texts and the name of a tab; more is no click on this page.
_MAX_BODY_BYTES = 100_000
# What marks a file in Gradio's requests; it would be fetched, or looked for.
_FILE_MARK = b"gradio.FileData"
_SAFETY = {
  # Nothing is fetched from anywhere else, whatever is in the page.
  "Content-Security-Policy": (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; font-src 'self' data:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
  ),
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
}


class Gate:
  """An ASGI application around another one.

  Every request it lets through has a visitor: `scope["visitor"]`, the value of
  a cookie that scripts and other sites cannot read or send.
  """

  def __init__(self, app: ASGIApp, hosts: frozenset[str] | None):
    """Takes the application.

    Args:
      app: What answers.
      hosts: Names under which this server may be asked for; any if None. A page
        elsewhere whose name was made to point here uses another one.
    """
    self._app = app
    self._hosts = hosts

  async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers one request."""
    if scope["type"] == "lifespan":
      await self._app(scope, receive, send)
      return
    if scope["type"] != "http":
      return
    refused = self._refusal(scope)
    if refused is not None:
      await refused(scope, receive, send)
      return
    if scope["path"].rstrip("/") in _BODIES:
      body = await _read_whole(receive)
      if body is None or _FILE_MARK in body:
        await _refuse(400)(scope, receive, send)
        return
      receive = _give_first(body, receive)
    known = _visitor_of(scope)
    scope["visitor"] = visitor = known or secrets.token_urlsafe(32)

    async def send_marked(message: Message) -> None:
      if message["type"] == "http.response.start":
        headers = MutableHeaders(scope=message)
        headers.update(_SAFETY)
        if scope["path"].startswith("/tabs/"):
          headers["Cache-Control"] = "no-store"
        if known is None and scope["path"] == "/":
          headers.append(
            "Set-Cookie",
            f"{COOKIE}={visitor}; HttpOnly; SameSite=Lax; Path=/",
          )
      await send(message)

    await self._app(scope, receive, send_marked)

  def _refusal(self, scope: Scope) -> PlainTextResponse | None:
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if self._hosts is not None and _name_of(f"//{host}") not in self._hosts:
      return _refuse(400)
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
      return _refuse(403)
    if not _LET_THROUGH.fullmatch(scope["path"]):
      return _refuse(404)
    return None


def _refuse(status: int) -> PlainTextResponse:
  texts = {400: "not understood", 403: "not from there", 404: "not here"}
  return PlainTextResponse(texts[status], status_code=status)


def _name_of(address: str) -> str | None:
  """Returns the host of an address; None if it has none."""
  try:
    return urlsplit(address).hostname
  except ValueError:
    return None


def _visitor_of(scope: Scope) -> str | None:
  """Returns the value of the cookie, if it can be one of ours."""
  cookies: SimpleCookie = SimpleCookie()
  try:
    cookies.load(Headers(scope=scope).get("cookie", ""))
  except CookieError:
    return None
  held = cookies.get(COOKIE)
  if held is None or not _TOKEN.fullmatch(held.value):
    return None
  return held.value


async def _read_whole(receive: Receive) -> bytes | None:
  """Reads a short JSON body; returns it in plain ASCII, None if it is none."""
  body = b""
  more = True
  while more:
    message = await receive()
    if message["type"] != "http.request":
      return None
    body += message.get("body", b"")
    more = message.get("more_body", False)
    if len(body) > _MAX_BODY_BYTES:
      return None
  try:
    # Written anew, so that nothing hides behind another spelling.
    return json.dumps(json.loads(body)).encode()
  except (ValueError, RecursionError):
    return None


def _give_first(body: bytes, receive: Receive) -> Receive:
  given = False

  async def give() -> Message:
    nonlocal given
    if given:
      return await receive()
    given = True
    return {"type": "http.request", "body": body, "more_body": False}

  return give
