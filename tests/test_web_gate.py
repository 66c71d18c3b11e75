"""What the gate lets through, and as whom."""

import asyncio
import json

import pytest

from fewshot_mss.web.gate import COOKIE, Gate

LOCAL = frozenset({"localhost", "127.0.0.1"})


def ask(path, method="GET", body=b"", hosts=LOCAL, **headers):
  """Returns the status, the headers, and what the application was asked."""
  seen, sent = {}, []

  async def app(scope, receive, send):
    seen["visitor"] = scope["visitor"]
    seen["body"] = (await receive())["body"] if method == "POST" else None
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"page"})

  # In two parts, as a network may cut it.
  parts = [(body[:10], True), (body[10:], False)]

  async def receive():
    part, more = parts.pop(0)
    return {"type": "http.request", "body": part, "more_body": more}

  async def send(message):
    sent.append(message)

  headers = {"host": "localhost:7860"} | headers
  scope = {
    "type": "http",
    "method": method,
    "path": path,
    "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
  }
  asyncio.run(Gate(app, hosts)(scope, receive, send))
  told = {k.decode().lower(): v.decode() for k, v in sent[0]["headers"]}
  return sent[0]["status"], told, seen


@pytest.mark.parametrize(
  ("path", "status"),
  [
    ("/", 200),
    ("/assets/index-1_a.js", 200),
    ("/static/js/iframe.min.js", 200),
    ("/own/page.js", 200),
    ("/tabs/x/files/y", 200),
    ("/gradio_api/heartbeat/abc", 200),
    ("/assets/../../secret", 404),
    ("/assets/a/b", 404),
    ("/static/js/../x", 404),
    ("/static//etc/passwd", 404),
    ("/\n", 404),
    ("//", 404),
    ("/gradio_api/file=/etc/passwd", 404),
    ("/gradio_api/queue/join/file=/etc/passwd", 404),
    ("/gradio_api/upload", 404),
    ("/login", 404),
  ],
)
def test_only_what_the_page_needs_is_let_through(path, status):
  told, headers, seen = ask(path)
  assert told == status
  assert bool(seen) == (status == 200)
  if status == 200:
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert ("cache-control" in headers) == path.startswith("/tabs/")


def test_a_visitor_is_who_the_cookie_says():
  _, headers, first = ask("/")
  name, value = headers["set-cookie"].split(";")[0].split("=")
  assert (name, value) == (COOKIE, first["visitor"])
  assert len(value) == 43
  _, headers, again = ask("/", cookie=f"a=b; {COOKIE}={value}")
  assert again["visitor"] == value
  assert "set-cookie" not in headers
  # What is no cookie of ours is nobody, another one each time.
  for cookie in (f"{COOKIE}=", f"{COOKIE}={value}x", "\x00=;", ""):
    _, _, other = ask("/tabs/x/files/y", cookie=cookie)
    assert other["visitor"] not in ("", value, f"{value}x")


@pytest.mark.parametrize(
  ("host", "hosts", "status"),
  [
    ("localhost:7860", LOCAL, 200),
    ("127.0.0.1", LOCAL, 200),
    ("LOCALHOST:1", LOCAL, 200),
    ("evil.example:7860", LOCAL, 400),
    ("localhost.evil.example", LOCAL, 400),
    ("localhost@evil.example", LOCAL, 400),
    ("", LOCAL, 400),
    ("[", LOCAL, 400),
    ("music.example", None, 200),
  ],
)
def test_other_names_for_this_machine_are_refused(host, hosts, status):
  assert ask("/", hosts=hosts, host=host)[0] == status


@pytest.mark.parametrize(
  ("origin", "status"),
  [
    ("http://localhost:7860", 200),
    ("http://localhost:7861", 403),
    ("https://evil.example", 403),
    ("null", 403),
    ("http://[", 403),
  ],
)
def test_other_pages_are_refused(origin, status):
  told = ask("/gradio_api/queue/join", "POST", b'{"data": []}', origin=origin)
  assert told[0] == status


def test_clicks_are_passed_on_and_files_are_not():
  path = "/gradio_api/queue/join"
  body = {"data": ["0:01-0:02", "Füße"], "fn_index": 1}
  status, _, seen = ask(path, "POST", json.dumps(body).encode())
  assert status == 200
  assert json.loads(seen["body"]) == body
  for bad in (
    b'{"data": [{"meta": {"_type": "gradio.FileData"}}]}',
    rb'{"data": [{"meta": {"_type": "gradio.\u0046ileData"}}]}',
    b"no json",
    b"",
    b"\xff\xfe",
    json.dumps(["x" * 100_001]).encode(),
    b"[" * 50_000,
  ):
    assert ask(path, "POST", bad)[0] == 400
    assert ask(path + "/", "POST", bad)[0] == 400
