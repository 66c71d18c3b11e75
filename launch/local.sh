#!/usr/bin/env bash
# Trains with several processes on this machine, as several hosts would.
#
#   launch/local.sh [--dry_run] [--restarts=N] [--grace_s=S] PROCESSES TRAIN_ARGUMENT...
#   launch/local.sh 2 --config=configs/tiny.py --config.data.sources=DATA --workdir=W
#
# Process i writes W.log.i beside the workdir; process 0 shows its progress
# here. Started again with the same arguments, the run goes on. If a process is
# killed or asks for it (status 75), all are started again, at most N times (3);
# any other failure ends all with its status. SIGTERM and SIGINT have all
# processes save and end, within S seconds (60).
set -euo pipefail

say() {
  echo "launch/local.sh: $*" >&2
}
usage() {
  echo "usage: launch/local.sh [--dry_run] [--restarts=N] [--grace_s=S] PROCESSES" \
    "--config=FILE --workdir=DIR [...]" >&2
  exit 2
}

dry=""
restarts=3
grace_s=60
while true; do
  case "${1:-}" in
    --dry_run) dry=1 ;;
    --restarts=*) restarts=${1#--restarts=} ;;
    --grace_s=*) grace_s=${1#--grace_s=} ;;
    *) break ;;
  esac
  shift
done
[[ "$restarts" =~ ^[0-9]+$ && "$grace_s" =~ ^[0-9]+$ ]] || usage
[[ "${1:-}" =~ ^[1-9][0-9]*$ ]] || usage
processes=$1
shift

workdir=""
for argument in "$@"; do
  [[ "$argument" == --workdir=* ]] && workdir=${argument#--workdir=}
done
workdir=${workdir%/}
[[ -n "$workdir" ]] || usage

if [[ -z "$dry" ]] && ! command -v fewshot-mss >/dev/null; then
  say "no fewshot-mss on the path: put .venv/bin on it"
  exit 127
fi

pids=()
end_now() {
  # What a run has written is whole at any time.
  {
    ((${#pids[@]})) && kill -KILL "${pids[@]}"
    wait
  } 2>/dev/null || true
}
# Gives all processes time to end by themselves.
wait_for_end() {
  local tenths
  for ((tenths = 0; tenths < 10 * grace_s; tenths++)); do
    # Not "$(jobs -rp)": a signal while bash reads a substitution can end it
    # with status 2 instead of the trap's.
    kill -0 "${pids[@]}" 2>/dev/null || return 0
    sleep 0.1
  done
}
# SIGTERM for SIGINT too, which bash keeps from processes in the background.
# The second time is for those who cannot wait.
stop() {
  trap 'exit 130' INT
  trap 'exit 143' TERM
  say "stopped: the processes have $grace_s s to save and end"
  kill -TERM "${pids[@]}" 2>/dev/null || true
  wait_for_end
  exit "$1"
}
trap end_now EXIT
trap 'stop 130' INT
trap 'stop 143' TERM

# A port that is free now; process 0 listens on it, on this machine alone.
free_port() {
  python3 -c '
import socket
with socket.socket() as s:
  s.bind(("127.0.0.1", 0))
  print(s.getsockname()[1])
'
}

start_all() {
  local port i command
  port=$(free_port)
  pids=()
  for ((i = 0; i < processes; i++)); do
    command=(fewshot-mss train "$@" "--coordinator=127.0.0.1:$port"
      "--num_processes=$processes" "--process_id=$i")
    if [[ -n "$dry" ]]; then
      printf '%q ' "${command[@]}"
      echo
    elif ((i == 0)); then
      "${command[@]}" &
      pids+=($!)
    else
      "${command[@]}" >>"$workdir.log.$i" 2>&1 &
      pids+=($!)
    fi
  done
}

# Waits until all have ended well, or for the first that has not: `status` is
# its status, `which` its number.
wait_for_first() {
  local i pid
  status=0
  for ((i = 0; i < ${#pids[@]}; i++)); do
    wait -n -p pid || {
      status=$?
      for which in "${!pids[@]}"; do
        [[ "${pids[which]}" != "$pid" ]] || return 0
      done
    }
  done
}

if [[ -z "$dry" ]]; then
  mkdir -p "$(dirname "$workdir")"
  for ((i = 1; i < processes; i++)); do
    : >"$workdir.log.$i"
  done
fi
for ((restart = 0; ; restart++)); do
  start_all "$@"
  wait_for_first
  ((status)) || exit 0
  said="process $which ended with status $status"
  logs="the others than process 0 write to $workdir.log.*"
  if ((status != 75 && (status <= 128 || status == 130))); then
    say "$said, which no restart helps, so all are ended; $logs"
    exit "$status"
  elif ((restart >= restarts)); then
    say "$said, after $restart restarts (--restarts), so all are ended; $logs"
    exit "$status"
  fi
  say "$said: all are started again ($((restart + 1)) of $restarts); $logs"
  # With 75 it has seen to it that the others end too, perhaps by saving.
  ((status != 75)) || wait_for_end
  end_now
done
