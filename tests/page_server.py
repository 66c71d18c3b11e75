"""`fewshot-mss serve` as a real process, and a client of it with cookies."""

import contextlib
import http.client
import http.cookiejar
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from processes import wait_until, xla_flags

# Ends a test that would never end; nothing here is a matter of seconds.
LIMIT_S = 300
# Writes every address that is not this machine's, and is asked for, to a file;
# and does not draw the first picture of a song while there is a file HOLD.
_WATCH = """
import os, sys, time
def _note(event, args):
  if event == "open" and str(args[0]).endswith("mixture.png"):
    while os.path.exists(os.environ["HOLD"]):
      time.sleep(0.05)
  if event == "socket.getaddrinfo":
    host = args[0]
  elif event == "socket.connect" and isinstance(args[1], tuple):
    host = args[1][0]
  else:
    return
  if host not in ("127.0.0.1", "::1", "localhost", None):
    with open(os.environ["ASKED_FOR"], "a") as file:
      file.write(f"{event} {host}\\n")
sys.addaudithook(_note)
"""
# Begins as under `nohup`, or in the background of a script, or as neither,
# however these tests were begun.
_PROGRAM = """
import signal, sys
ignored = sys.argv.pop(1).split()
for name, ordinary in (
  ("SIGINT", signal.default_int_handler),
  ("SIGHUP", signal.SIG_DFL),
):
  signal.signal(
    signal.Signals[name], signal.SIG_IGN if name in ignored else ordinary
  )
from fewshot_mss import cli
cli.run_program()
"""


class PageServer:
  """A server in a folder of its own, where its temporary files are, too."""

  def __init__(self, folder, model, *words, ignored=()):
    self.temporary = folder / "temporary"
    self.temporary.mkdir(parents=True)
    self.asked_for = folder / "asked_for"
    self.hold = folder / "hold"
    watch = folder / "watch"
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(_WATCH)
    root = Path(__file__).parents[1]
    self.log = folder / "log"
    with self.log.open("w") as log:
      self.process = subprocess.Popen(
        [
          *(sys.executable, "-c", _PROGRAM, " ".join(ignored)),
          *("serve", "--port=0"),
          *(f"--model={model}", *words),
        ],
        stdout=log,
        stderr=subprocess.STDOUT,
        env=os.environ
        | {
          "ASKED_FOR": str(self.asked_for),
          "HOLD": str(self.hold),
          "TMPDIR": str(self.temporary),
          "JAX_PLATFORMS": "cpu",
          "XLA_FLAGS": xla_flags(devices=1),
          "PYTHONPATH": f"{watch}:{root}",
        },
      )

  def wait(self):
    wait_until(
      lambda: "browser" in self.log.read_text() or self.process.poll(),
      LIMIT_S,
      self.log.read_text,
    )
    self.url = self.log.read_text().split("\n")[0]
    return self

  def end(self, number=signal.SIGTERM):
    self.process.send_signal(number)
    return self.process.wait(LIMIT_S)

  def files(self):
    """What visitors have handed in and got, as far as it is there."""
    # Unlike `rglob`, it bears folders that go away meanwhile.
    return [
      Path(folder) / name
      for folder, _, names in os.walk(self.temporary)
      for name in names
      if name != "in_use"
    ]


@contextlib.contextmanager
def served(folder, model, *words, **more):
  server = PageServer(folder, model, *words, **more)
  try:
    yield server.wait()
  finally:
    if server.process.poll() is None:
      server.process.kill()
      server.process.wait()


class Visitor:
  """A browser without a screen: its requests, cookies and one tab."""

  def __init__(self, server):
    self.server = server
    self.host = server.url.split("/")[2]
    self.cookies = http.cookiejar.CookieJar()
    self._opener = urllib.request.build_opener(
      urllib.request.HTTPCookieProcessor(self.cookies)
    )
    _, page = self.ask("")
    self.config = json.loads(
      page.decode().split("window.gradio_config = ")[1].split(";</script>")[0]
    )

  def ask(self, path, body=None, method=None, **headers):
    request = urllib.request.Request(
      self.server.url + path,
      body,
      {name.replace("_", "-"): value for name, value in headers.items()},
      method=method,
    )
    try:
      with self._opener.open(request, timeout=LIMIT_S) as answer:
        return answer.status, answer.read()
    except urllib.error.HTTPError as error:
      with error:
        return error.code, error.read()

  def raw(self, path, **headers):
    """Asks for a path as it is, which urllib would tidy."""
    with contextlib.closing(
      http.client.HTTPConnection(self.host, timeout=LIMIT_S)
    ) as asked:
      asked.request("GET", path, headers=headers)
      answer = asked.getresponse()
      return answer.status, answer.read()

  def enter(self, session):
    """Begins a tab as the page does when it is loaded."""
    load = next(
      one
      for one in self.config["dependencies"]
      if any(event == "load" for _, event in one["targets"])
    )
    status, answer = self.post(
      "gradio_api/run/predict",
      {"data": [], "fn_index": load["id"], "session_hash": session},
    )
    assert status == 200, answer
    return json.loads(answer)["data"][0]

  def post(self, path, value, text=None):
    body = (text or json.dumps(value)).encode()
    return self.ask(path, body, Content_Type="application/json")

  def upload(self, tab, kind, path, name=None):
    status, answer = self.ask(
      f"tabs/{tab}/uploads/{kind}",
      path.read_bytes(),
      X_File_Name=name or path.name,
    )
    return status, json.loads(answer)
