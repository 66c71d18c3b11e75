#!/usr/bin/env bash
# Trains with several processes on this machine, as several hosts would.
#
#   launch/local.sh [--dry_run] PROCESSES TRAIN_ARGUMENT...
#   launch/local.sh 2 --config=configs/tiny.py --config.data.sources=DATA --workdir=W
#
# Process i writes W.log.i beside the workdir; process 0 shows its progress
# here. Started again with the same arguments, the run goes on. If one process
# fails, the others are ended and the status is its status.
set -euo pipefail

usage() {
  echo "usage: launch/local.sh [--dry_run] PROCESSES --config=FILE --workdir=DIR [...]" >&2
  exit 2
}

run=""
if [[ "${1:-}" == "--dry_run" ]]; then
  run="echo"
  shift
fi
[[ "${1:-}" =~ ^[1-9][0-9]*$ ]] || usage
processes=$1
shift

workdir=""
for argument in "$@"; do
  [[ "$argument" == --workdir=* ]] && workdir=${argument#--workdir=}
done
workdir=${workdir%/}
[[ -n "$workdir" ]] || usage

if [[ -z "$run" ]] && ! command -v fewshot-mss >/dev/null; then
  echo "launch/local.sh: no fewshot-mss on the path: put .venv/bin on it" >&2
  exit 127
fi

# A port that is free now; process 0 listens on it, on this machine alone.
port=$(python3 -c '
import socket
with socket.socket() as s:
  s.bind(("127.0.0.1", 0))
  print(s.getsockname()[1])
')

pids=()
stop() {
  # Nothing softer: JAX takes SIGTERM for a notice of preemption and goes on.
  # What a run has written is whole at any time.
  {
    ((${#pids[@]})) && kill -KILL "${pids[@]}"
    wait
  } 2>/dev/null || true
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[[ -n "$run" ]] || mkdir -p "$(dirname "$workdir")"
for ((i = 0; i < processes; i++)); do
  command=(fewshot-mss train "$@" "--coordinator=127.0.0.1:$port"
    "--num_processes=$processes" "--process_id=$i")
  if [[ -n "$run" ]]; then
    echo "${command[*]}"
  elif ((i == 0)); then
    "${command[@]}" &
    pids+=($!)
  else
    "${command[@]}" >"$workdir.log.$i" 2>&1 &
    pids+=($!)
  fi
done
# The first to fail ends the rest.
for ((i = 0; i < ${#pids[@]}; i++)); do
  wait -n || {
    status=$?
    echo "launch/local.sh: a process ended with status $status, so all are" \
      "ended; the others than process 0 write to $workdir.log.*" >&2
    exit "$status"
  }
done
