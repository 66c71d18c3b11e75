"""A stand-in for Cloud TPUs: a `gcloud` whose workers are folders.

What is sent to a worker is really run there, with stand-ins for what it
installs.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "launch" / "tpu_vm.sh"
PLACE = ["--name=n", "--zone=z", "--poll_s=0"]
TRAIN = ["--config=c", "--config.data.sources=a b$c", "--workdir=bucket/w"]
WORKERS = 2
# A slice that is there can be used, unless FOLDER/states says otherwise: one
# state a look.
GCLOUD = f"""#!{sys.executable} -IS
import json, os, pathlib, shutil, subprocess, sys
folder = pathlib.Path(os.environ["FOLDER"])
words = sys.argv[1:]
with (folder / "calls").open("a") as log:
  log.write(json.dumps(words) + "\\n")
assert words[:2] == ["compute", "tpus"]
assert words[-2:] == ["--zone=z", "--quiet"]
kind, verb, rest = words[2], words[3], words[4:-2]
slice, states = folder / "slice", folder / "states"
workers = [slice / str(i) for i in range({WORKERS})]
queue = states.read_text().split() if states.exists() else []
if verb == "describe":
  if queue:
    states.write_text(" ".join(queue[1:]))
    if queue[0] == "UNREACHABLE":
      sys.exit("ERROR: network is unreachable")
    sys.exit(print(queue[0]))
  if not slice.exists():
    sys.exit("NOT_FOUND")
  print("ACTIVE" if kind == "queued-resources" else "READY")
elif verb == "create":
  if (folder / "no_room").exists():
    sys.exit("no room")
  [worker.mkdir(parents=True) for worker in workers]
elif verb == "delete":
  shutil.rmtree(slice, ignore_errors=True)
elif queue or not slice.exists():
  sys.exit("no such host")
elif verb == "scp":
  [shutil.copy(rest[0], worker) for worker in workers]
else:
  which = rest[1].removeprefix("--worker=")
  command = rest[2].removeprefix("--command=")
  chosen = workers if which == "all" else [workers[int(which)]]
  env = os.environ | {{"PATH": f"{{folder}}/far:" + os.environ["PATH"]}}
  runs = [subprocess.Popen(["bash", "-c", command], cwd=w, env=env)
          for w in chosen]
  sys.exit(max(run.wait() for run in runs))
"""
# `python3 -m uv venv` on a worker; all else that it is asked is noted.
PYTHON = """#!/usr/bin/env bash
echo "$@" >>installed
[[ ! -e "$FOLDER/no_packages" ]] || exit 1
if [[ "$*" == "-m uv venv "* ]]; then
  mkdir -p .venv/bin && cp "$FOLDER/program" .venv/bin/fewshot-mss
fi
"""
# Counts its starts beyond the life of its machine; has all words in a file.
BEGIN = """#!/usr/bin/env bash
worker=$(basename "$(dirname "$PWD")")
printf '%s\\n' "$@" end >>"$FOLDER/words.$worker"
start=$(grep -cx end "$FOLDER/words.$worker")
echo "worker $worker, start $start"
"""


def make_cloud(folder):
  """Writes all programs into a folder; `bin` in it belongs on the path."""
  for name, text in {
    "bin/gcloud": GCLOUD,
    "far/python3": PYTHON,
    "far/mountpoint": "#!/bin/sh\nexit 1\n",
    "far/gcsfuse": '#!/bin/sh\necho "$@" >mounted\n',
    "program": BEGIN,
  }.items():
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
  return folder


def environment(cloud):
  return os.environ | {
    "PATH": f"{cloud / 'bin'}:{os.environ['PATH']}",
    "FOLDER": str(cloud),
  }


def launch(cloud, *options, program="", train=TRAIN):
  (cloud / "program").write_text(f"{BEGIN}{program}\n")
  return subprocess.run(
    ["bash", SCRIPT, *PLACE, *options, *train],
    env=environment(cloud),
    capture_output=True,
    text=True,
    timeout=120,
  )


def calls(cloud):
  """What gcloud was asked, in order, in short; and the words of each."""
  lines = (cloud / "calls").read_text().splitlines()
  words = [json.loads(line)[2:-2] for line in lines]
  kinds = {"tail": "follow", "nohup": "start", "uv": "set up"}

  def short(call):
    if call[1] != "ssh":
      return call[1]
    names = [name for key, name in kinds.items() if key in call[4]]
    return names[0] if names else "ask"

  return [short(call) for call in words], words
