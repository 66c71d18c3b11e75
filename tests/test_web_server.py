"""The server of the page: what it gives to whom, and that it leaves nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from page_server import LIMIT_S, PageServer, Visitor, served
from processes import wait_until
from tiny_archive import write_archive


@pytest.fixture(scope="module")
def model(tmp_path_factory):
  return write_archive(tmp_path_factory.mktemp("archive") / "model")


@pytest.fixture(scope="module")
def song(tmp_path_factory):
  path = tmp_path_factory.mktemp("songs") / "song.wav"
  rng = np.random.default_rng(0)
  soundfile.write(path, rng.uniform(-0.5, 0.5, (20_000, 2)), 8000)
  return path


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
  folder = tmp_path_factory.mktemp("server")
  words = ("--max_minutes=0.1", "--max_megabytes=1")
  with served(folder, model, *words) as server:
    yield server
    assert server.end(signal.SIGINT) == 0
    assert not list(server.temporary.iterdir())


@pytest.fixture
def visitor(server):
  return Visitor(server)


def test_a_file_is_its_visitors_alone(server, visitor, song):
  tab = visitor.enter("mine")
  status, told = visitor.upload(tab, "song", song)
  assert status == 200
  assert told["name"] == "song.wav"
  assert told["seconds"] == 2.5
  address = f"tabs/{tab}/files/{told['key']}"
  assert visitor.ask(address) == (200, song.read_bytes())
  # As a player asks that jumps into the middle.
  part = visitor.ask(address, Range="bytes=100-199")
  assert part == (206, song.read_bytes()[100:200])

  other = Visitor(server)
  other.enter("mine")
  assert other.ask(address)[0] == 404
  assert other.upload(tab, "positive", song)[0] == 400
  assert (
    other.ask(f"tabs/{tab}/uploads/{told['key']}", method="DELETE")[0] == 400
  )
  # Without a cookie, and with one that was made up.
  assert visitor.raw(f"/{address}")[0] == 404
  for value in ("", "x" * 43, "../" * 14 + "a"):
    cookie = f"fewshot_mss_visitor={value}"
    assert visitor.raw(f"/{address}", Cookie=cookie)[0] == 404
  assert visitor.ask(address)[0] == 200


def test_no_other_file_of_the_machine_is_given(server, visitor, song, model):
  tab = visitor.enter("mine")
  _, told = visitor.upload(tab, "song", song)
  (there,) = [p for p in server.files() if p.name == "song.wav"][-1:]
  cookie = "; ".join(f"{one.name}={one.value}" for one in visitor.cookies)
  weights = model / "model.safetensors"
  for path in ("/etc/passwd", weights, there, song, there.parent, "gradio"):
    for form in (
      "/gradio_api/file={}",
      "/file={}",
      "/gradio_api/file/{}",
      f"/tabs/{tab}/files/{{}}",
      f"/tabs/{tab}/files/../../../../../..{{}}",
      "/static/../../../../../../..{}",
      "/static/..%2f..%2f..%2f..%2f..%2f..{}",
      "/assets/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e{}",
      "/own/..%2f..%2f..%2f..%2f..{}",
      "/svelte/{}",
      "//{}",
    ):
      asked = form.format(path)
      status, body = visitor.raw(asked, Cookie=cookie)
      assert status in (400, 404), asked
      assert len(body) < 200, asked
  assert (
    visitor.raw(f"/tabs/{tab}/files/{told['key']}", Cookie=cookie)[0] == 200
  )


@pytest.mark.parametrize(
  "path",
  [
    "gradio_api/file=https://example.com/",
    "gradio_api/proxy=https://example.hf.space/",
    "gradio_api/info",
    "gradio_api/runs",
    "gradio_api/run-history/buckets",
    "gradio_api/deep_link?session_hash=mine",
    "gradio_api/openapi.json",
    "gradio_api/upload_progress?upload_id=x",
    "monitoring",
    "docs",
    "openapi.json",
    "own/server.py",
    "tabs//files/x",
  ],
)
def test_nothing_else_of_gradios_is_there(visitor, path):
  assert visitor.ask(path)[0] == 404


def test_no_file_gets_in_by_gradios_own_way(server, visitor):
  assert visitor.ask("gradio_api/upload", b"x")[0] == 404
  for mark in ("gradio.FileData", r"gradio.\u0046ileData"):
    text = (
      '{"fn_index": 0, "session_hash": "mine", "data": [{"path": '
      f'"http://127.0.0.1:1/x", "meta": {{"_type": "{mark}"}}}}]}}'
    )
    for path in ("gradio_api/queue/join", "gradio_api/run/predict"):
      assert visitor.post(path, None, text)[0] == 400
  assert visitor.post("gradio_api/queue/join", ["x" * 200_000])[0] == 400


def test_other_pages_cannot_ask_through_a_visitors_browser(visitor):
  assert visitor.ask("", Host="evil.example")[0] == 400
  assert visitor.ask("", Host="localhost:1")[0] == 200
  for origin in ("https://evil.example", "null"):
    assert visitor.ask("gradio_api/queue/join", b"{}", Origin=origin)[0] == 403
  (cookie,) = visitor.cookies
  assert cookie.has_nonstandard_attr("HttpOnly")
  assert cookie.get_nonstandard_attr("SameSite") == "Lax"


@pytest.mark.parametrize(
  ("name", "content", "says"),
  [
    ("text.wav", b"no sound at all " * 10, "cannot be read as audio"),
    ("nothing.wav", b"", "is empty (0 bytes)"),
    ("large.wav", bytes(1_000_001), "larger than 1 MB"),
    ("..%2F..%2Fup.wav", b"no sound", "up.wav cannot be read"),
    ("", b"no sound", "sound cannot be read"),
  ],
)
def test_what_cannot_be_used_is_said_and_not_kept(
  server, visitor, tmp_path, name, content, says
):
  before = server.files()
  path = tmp_path / "content"
  path.write_bytes(content)
  tab = visitor.enter("mine")
  status, told = visitor.upload(tab, "song", path, name or "%20")
  assert (status, list(told)) == (400, ["error"])
  assert says in told["error"]
  assert str(server.temporary) not in told["error"]
  assert server.files() == before


@pytest.mark.parametrize(
  ("rate_hz", "seconds", "channels", "says"),
  [
    (8000, 6.1, 1, "longer than 0.1 minutes"),
    (8000, 1.0, 3, "has 3 channels"),
    (8000, 6.0, 1, None),
  ],
)
def test_a_song_is_as_long_as_the_limit_at_most(
  visitor, tmp_path, rate_hz, seconds, channels, says
):
  path = tmp_path / "some.wav"
  rng = np.random.default_rng(0)
  shape = (round(rate_hz * seconds), channels)
  soundfile.write(path, rng.uniform(-0.1, 0.1, shape), rate_hz)
  status, told = visitor.upload(visitor.enter("mine"), "song", path)
  assert status == (400 if says else 200)
  assert says is None or says in told["error"]


def test_a_visitor_may_go_away_in_the_middle(server, visitor):
  tab = visitor.enter("mine")
  before = server.files()
  (cookie,) = visitor.cookies
  with socket.create_connection(visitor.host.split(":")) as sending:
    sending.sendall(
      f"POST /tabs/{tab}/uploads/song HTTP/1.1\r\nHost: {visitor.host}\r\n"
      f"Cookie: {cookie.name}={cookie.value}\r\nContent-Length: 900000\r\n"
      "\r\nRIFF and so on".encode()
    )
    wait_until(lambda: len(server.files()) == len(before) + 1)
  wait_until(lambda: server.files() == before)
  assert "Traceback" not in server.log.read_text()


def test_a_song_takes_the_place_of_the_one_before_it(server, visitor, song):
  tab = visitor.enter("mine")
  before = len(server.files())
  _, first = visitor.upload(tab, "song", song)
  _, second = visitor.upload(tab, "song", song)
  assert len(server.files()) == before + 1
  assert visitor.ask(f"tabs/{tab}/files/{first['key']}")[0] == 404
  assert visitor.ask(f"tabs/{tab}/files/{second['key']}")[0] == 200
  visitor.ask(f"tabs/{tab}/uploads/{second['key']}", method="DELETE")
  assert len(server.files()) == before


def test_files_go_when_the_page_is_closed(server, visitor, song):
  tab = visitor.enter("closing")
  before = set(server.files())
  # The connection that every open page holds; Gradio sees that it is gone.
  with socket.create_connection(visitor.host.split(":")) as held:
    (cookie,) = visitor.cookies
    held.sendall(
      f"GET /gradio_api/heartbeat/closing HTTP/1.1\r\nHost: {visitor.host}\r\n"
      f"Cookie: {cookie.name}={cookie.value}\r\n\r\n".encode()
    )
    assert b"200 OK" in held.recv(1000)
    _, told = visitor.upload(tab, "song", song)
    assert len(set(server.files()) - before) == 1
  wait_until(lambda: not set(server.files()) - before)
  assert visitor.ask(f"tabs/{tab}/files/{told['key']}")[0] == 404


def test_nothing_is_left_when_the_server_is_told_to_end(model, tmp_path):
  ignored = (signal.SIGHUP, signal.SIGINT)
  names = [number.name for number in ignored]
  with served(tmp_path / "server", model, ignored=names) as server:
    visitor = Visitor(server)
    tab = visitor.enter("mine")
    path = tmp_path / "long.wav"
    rng = np.random.default_rng(0)
    soundfile.write(path, rng.uniform(-0.5, 0.5, 8000 * 600), 8000)
    assert visitor.upload(tab, "song", path)[0] == 200
    click = next(
      one
      for one in visitor.config["dependencies"]
      if any(event == "click" for _, event in one["targets"])
    )
    status, _ = visitor.post(
      "gradio_api/queue/join",
      {
        "data": [tab, False, "0:01-0:02"],
        "fn_index": click["id"],
        "session_hash": "mine",
      },
    )
    assert status == 200
    # In the middle of it, its parts have no names yet.
    wait_until(lambda: any("target" in p.name for p in server.files()))
    for number in ignored:
      server.process.send_signal(number)
    # It looks ten times a second whether it is to end.
    time.sleep(0.5)
    assert visitor.ask("")[0] == 200
    assert server.end(signal.SIGTERM) == 0
    assert not list(server.temporary.iterdir())
    assert not server.asked_for.exists(), server.asked_for.read_text()
    lines = server.log.read_text().splitlines()
    assert len(lines) == 2, lines


def test_the_server_asks_nothing_of_the_network(server, visitor, song):
  # The hook is there: this very process would be noted.
  tab = visitor.enter("mine")
  visitor.upload(tab, "song", song)
  assert not server.asked_for.exists(), server.asked_for.read_text()
  code = "import socket\ntry: socket.create_connection(('192.0.2.1', 9), 0.01)"
  subprocess.run(
    [sys.executable, "-c", f"{code}\nexcept OSError: pass"],
    env=os.environ
    | {
      "ASKED_FOR": str(server.asked_for),
      "PYTHONPATH": str(server.asked_for.with_name("watch")),
    },
    check=True,
  )
  assert "192.0.2.1" in server.asked_for.read_text()
  server.asked_for.unlink()


def test_a_server_that_cannot_begin_says_why(model, tmp_path, server):
  port = server.url.rstrip("/").rpartition(":")[2]
  taken = PageServer(tmp_path / "taken", model, f"--port={port}")
  none = PageServer(tmp_path / "none", tmp_path / "no_model")
  for one, says in ((taken, f"port {port}: cannot be"), (none, "no_model")):
    assert one.process.wait(LIMIT_S) == 2
    (line,) = one.log.read_text().splitlines()
    assert line.startswith("fewshot-mss: ")
    assert says in line
    assert not list(one.temporary.iterdir())
    assert json.dumps(line).isascii()
