"""The addresses of the page's own: files in, files out."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse, Response

from fewshot_mss.errors import InputError
from fewshot_mss.web.limits import Limits
from fewshot_mss.web.uploads import KINDS, drop_upload, take_upload
from fewshot_mss.web.visitors import Visitors

# So many times the size of the largest file that is taken.
_DRAINED = 4
# What the page consists of besides Gradio's own.
OWN_FILES = {"page.js": "text/javascript", "page.css": "text/css"}


def add_routes(app: FastAPI, visitors: Visitors, limits: Limits) -> None:
  """Adds the addresses; `Gate` tells each request's visitor.

  Args:
    app: To which they are added.
    visitors: Who is there.
    limits: What is too much to hand in.
  """

  @app.get("/own/{name}")
  def own_file(name: str) -> Response:
    if name not in OWN_FILES:
      return Response(status_code=404)
    return FileResponse(
      Path(__file__).with_name(name), 200, None, OWN_FILES[name]
    )

  @app.post("/tabs/{tab_name}/uploads/{kind}")
  async def upload(request: Request, tab_name: str, kind: str) -> Response:
    if kind not in KINDS:
      return Response(status_code=404)
    body = request.stream()
    name = unquote(request.headers.get("x-file-name", ""))
    try:
      try:
        tab = visitors.tab(request.scope["visitor"], tab_name)
        taken = await take_upload(visitors, tab, kind, name, body, limits)
      except InputError as error:
        await _drain(body, _DRAINED * limits.file_bytes)
        return _error(error)
    except ClientDisconnect:
      return Response(status_code=400)
    return JSONResponse(taken)

  @app.delete("/tabs/{tab_name}/uploads/{key}")
  def drop(request: Request, tab_name: str, key: str) -> Response:
    try:
      drop_upload(visitors.tab(request.scope["visitor"], tab_name), key)
    except InputError as error:
      return _error(error)
    return Response(status_code=204)

  @app.get("/tabs/{tab_name}/files/{name}")
  def fetch(request: Request, tab_name: str, name: str, save: int = 0) -> Any:
    try:
      tab = visitors.tab(request.scope["visitor"], tab_name)
    except InputError as error:
      return _error(error, 404)
    shown = tab.shown.get(name)
    if shown is None or not shown.path.is_file():
      return _error(InputError("there is no such file (any more)"), 404)
    return FileResponse(
      shown.path,
      media_type=shown.media_type,
      filename=shown.name,
      content_disposition_type="attachment" if save else "inline",
    )


async def _drain(body: AsyncIterator[bytes], most: int) -> None:
  """Reads on: a browser that still sends does not see what it is told."""
  count = 0
  async for chunk in body:
    count += len(chunk)
    if count > most:
      return


def _error(error: InputError, status: int = 400) -> JSONResponse:
  return JSONResponse({"error": str(error)}, status)
