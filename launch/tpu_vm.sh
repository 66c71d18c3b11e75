#!/usr/bin/env bash
# Trains on all workers of a Cloud TPU slice, which is made if there is none.
#
#   launch/tpu_vm.sh --name=N --zone=Z [--project=P] [--type=v5litepod-256]
#     [--version=RUNTIME] [--queued] [--spot] [--bucket=B] [--restarts=N]
#     [--poll_s=S] [--dry_run] TRAIN_ARGUMENT...
#   launch/tpu_vm.sh --name=run1 --zone=us-west4-a --type=v5litepod-64 --queued \
#     --spot --bucket=BUCKET --config=configs/paper.py \
#     --config.data.sources=bucket/DATA --workdir=bucket/run1
#
# The clone is copied as it is here and set up on all workers; BUCKET is mounted
# there as `bucket` in it, so that all see one workdir. The training runs
# detached, and its log is followed here: ctrl-C stops the following and nothing
# else, and the same command follows again. If the slice is taken away, a worker
# is lost or asks for it (status 75), all is made and started again, at most N
# times (100), and the run goes on where it was saved. The slice is not deleted.
set -euo pipefail

say() {
  echo "launch/tpu_vm.sh: $*" >&2
}
usage() {
  echo "usage: launch/tpu_vm.sh --name=N --zone=Z [--project=P] [--type=T]" \
    "[--version=V] [--queued] [--spot] [--bucket=B] [--restarts=N]" \
    "[--poll_s=S] [--dry_run] --config=FILE --workdir=DIR [...]" >&2
  exit 2
}

name="" project="" type=v5litepod-256 version="" bucket="" zone="" workdir=""
queued="" spot=() dry="" restarts=100 poll_s=60 words=()
for argument in "$@"; do
  value=${argument#*=}
  case "$argument" in
    --name=*) name=$value ;;
    --zone=*) zone=$value ;;
    --project=*) project=$value ;;
    --type=*) type=$value ;;
    --version=*) version=$value ;;
    --bucket=*) bucket=$value ;;
    --restarts=*) restarts=$value ;;
    --poll_s=*) poll_s=$value ;;
    --queued) queued=1 ;;
    --spot) spot=(--spot) ;;
    --dry_run) dry=1 ;;
    --workdir=*) workdir=$value words+=("$argument") ;;
    *) words+=("$argument") ;;
  esac
done
[[ -n "$name" && -n "$zone" && -n "$workdir" ]] || usage
[[ "$restarts" =~ ^[0-9]+$ && "$poll_s" =~ ^[0-9]+$ ]] || usage
if [[ -z "$version" ]]; then
  case "$type" in
    v5litepod-*) version=v2-alpha-tpuv5-lite ;;
    v5p-*) version=v2-alpha-tpuv5 ;;
    v6e-*) version=v2-alpha-tpuv6e ;;
    *) version=tpu-ubuntu2204-base ;;
  esac
fi
if [[ -z "$dry" ]] && ! command -v gcloud >/dev/null; then
  say "no gcloud on the path: https://cloud.google.com/sdk/docs/install"
  exit 127
fi

# ---- gcloud, always in this place and never asking.
kind=${queued:+queued-resources}
kind=${kind:-tpu-vm}
tpus() {
  local command=(gcloud compute tpus "$@" "--zone=$zone" --quiet)
  [[ -z "$project" ]] || command+=("--project=$project")
  if [[ -n "$dry" ]]; then
    printf '%q ' "${command[@]}"
    echo
  else
    "${command[@]}" </dev/null
  fi
}
on_workers() {
  tpus tpu-vm ssh "$name" "--worker=$1" "--command=$2"
}

# ---- The slice.
# Its state, MISSING, or why nobody can say it: no network is no reason to make
# another slice.
state() {
  local said field=state${queued:+.state}
  if said=$(tpus "$kind" describe "$name" "--format=value($field)" 2>&1); then
    tail -n 1 <<<"$said"
  elif [[ "$said" == *NOT_FOUND* ]]; then
    echo MISSING
  else
    echo "unknown: $(tail -n 1 <<<"$said")"
  fi
}
create() {
  say "making $name: $type, $version"
  if [[ -n "$queued" ]]; then
    tpus queued-resources create "$name" "--node-id=$name" \
      "--accelerator-type=$type" "--runtime-version=$version" "${spot[@]}"
  else
    tpus tpu-vm create "$name" "--accelerator-type=$type" \
      "--version=$version" "${spot[@]}"
  fi
}
delete() {
  say "deleting what is left of $name ($1)"
  if [[ -n "$queued" ]]; then
    tpus queued-resources delete "$name" --force
  else
    tpus tpu-vm delete "$name"
  fi
}
# Makes the slice, or waits for it, until it can be used.
have_slice() {
  local now last="" unanswered=0
  if [[ -n "$dry" ]]; then
    create
    return
  fi
  while true; do
    now=$(state)
    case "$now" in
      READY | ACTIVE) return ;;
      MISSING) create ;;
      # Queued ones are taken away while their request stays.
      PREEMPTED | TERMINATED | STOPPED | SUSPENDED) delete "$now" ;;
      # It could not be made, and would not be the next time.
      FAILED)
        say "$name is FAILED: see why with gcloud compute tpus $kind describe" \
          "$name --zone=$zone, delete it, and start again"
        exit 1
        ;;
      unknown:*)
        say "$name is $now"
        ((++unanswered < 10)) || exit 1
        sleep "$poll_s"
        ;;
      *)
        [[ "$now" == "$last" ]] || say "$name is $now; waiting"
        last=$now
        sleep "$poll_s"
        ;;
    esac
  done
}

# ---- On the workers, in the folder `fewshot-mss` of each.
copy_clone() {
  local root folder
  root=$(dirname "$(dirname "$(realpath "$0")")")
  folder=${dry:+/tmp}
  if [[ -z "$dry" ]]; then
    folder=$(mktemp -d)
    git -C "$root" ls-files -z --cached --others --exclude-standard |
      tar -C "$root" --null --files-from=- --ignore-failed-read \
        -czf "$folder/fewshot-mss.tar.gz"
  fi
  tpus tpu-vm scp "$folder/fewshot-mss.tar.gz" "$name:" --worker=all || {
    rm -rf "$folder"
    return 1
  }
  [[ -n "$dry" ]] || rm -rf "$folder"
}
# uv, for the Python of these images is too old. Without the limit, gcsfuse
# renames no folder that holds something, which is how checkpoints are done.
# shellcheck disable=SC2016  # To be expanded on the workers.
setup='set -e
mkdir -p fewshot-mss && cd fewshot-mss
tar -xzf ../fewshot-mss.tar.gz
python3 -m pip install --quiet --user uv
uv="python3 -m uv"
[ -d .venv ] || $uv venv --quiet --python 3.11 .venv
$uv pip install --quiet --python .venv --constraint constraints.txt --editable ".[train,tpu]"
[ -z "$BUCKET" ] || mountpoint -q bucket || {
  command -v gcsfuse >/dev/null || {
    list="deb [signed-by=/usr/share/keyrings/cloud.google.asc] https://packages.cloud.google.com/apt gcsfuse-$(lsb_release -cs) main"
    echo "$list" | sudo tee /etc/apt/sources.list.d/gcsfuse.list >/dev/null
    curl -fsS https://packages.cloud.google.com/apt/doc/apt-key.gpg | sudo tee /usr/share/keyrings/cloud.google.asc >/dev/null
    sudo apt-get -qq update && sudo apt-get -qq install -y gcsfuse
  }
  mkdir -p bucket
  gcsfuse --implicit-dirs --rename-dir-limit=1000000 "$BUCKET" bucket
}'
# A group of its own, to be ended as a whole. Ended first if it still runs:
# one of the others is gone, and it waits for that one.
# shellcheck disable=SC2016
start='cd fewshot-mss
[ ! -f run.pid ] || kill -KILL -- "-$(cat run.pid)" 2>/dev/null
rm -f run.pid run.status
nohup setsid bash -c "echo \$\$ >run.pid; trap : TERM; .venv/bin/fewshot-mss train $WORDS --distributed; echo \$? >run.status" >>run.log 2>&1 </dev/null &
until [ -s run.pid ]; do sleep 0.1; done'
# shellcheck disable=SC2016
status='cd fewshot-mss 2>/dev/null
if [ -f run.status ]; then echo "worker-status $(cat run.status)"
elif [ -f run.pid ] && kill -0 "$(cat run.pid)" 2>/dev/null; then echo worker-status running
else echo worker-status none; fi'
# shellcheck disable=SC2016
follow='cd fewshot-mss && tail -n 20 --pid="$(cat run.pid)" -F run.log'

# Prints each worker's status: a number, `running`, or `none` of one that lost
# its run with its machine; `gone` if not all can be asked.
statuses() {
  local said
  said=$(on_workers all "$status" 2>/dev/null) || echo gone
  sed -n 's/.*worker-status //p' <<<"$said"
}
start_all() {
  local quoted
  quoted=$(printf '%q ' "${words[@]}")
  say "setting up all workers of $name"
  copy_clone &&
    on_workers all "BUCKET=$(printf %q "$bucket"); $setup" || return
  say "starting on all workers of $name; each writes fewshot-mss/run.log"
  on_workers all "WORDS=$(printf %q "$quoted"); $start"
}

trap 'say "the training goes on; the same command follows it again"; exit 130' INT
if [[ -n "$dry" ]]; then
  have_slice
  start_all
  on_workers 0 "$follow"
  exit
fi
restart=0 failed=0
while true; do
  have_slice
  # What the last start of this command has left at work is followed.
  if [[ "$(statuses | sort -u)" == running ]]; then
    say "the training is at work on $name"
  elif start_all; then
    failed=0
  elif ((++failed < 3)); then
    # Machines that have just been made take a while to be reached.
    say "not all workers could be set up; trying again"
    sleep "$poll_s"
    continue
  else
    say "not all workers could be set up; what they say is above"
    exit 1
  fi
  on_workers 0 "$follow" || say "following has ended"
  # The others end soon after the first, and a connection can be lost.
  for ((i = 0; i < 5; i++)); do
    ended=$(statuses | sort -u)
    grep -qx running <<<"$ended" || break
    sleep "$poll_s"
  done
  [[ "$ended" != 0 ]] || break
  [[ "$ended" != running ]] || continue
  for status_of_one in $ended; do
    case "$status_of_one" in
      0 | 75 | running | none | gone) ;;
      130 | ? | ?? | 1[01]? | 12[0-8])
        say "a worker ended with status $status_of_one, which no restart" \
          "helps; see fewshot-mss/run.log of all workers"
        exit "$status_of_one"
        ;;
    esac
  done
  if ((restart >= restarts)); then
    say "workers ended with ${ended//$'\n'/, }, after $restart restarts" \
      "(--restarts)"
    exit 75
  fi
  restart=$((restart + 1))
  say "workers ended with ${ended//$'\n'/, }: all is started again" \
    "($restart of $restarts)"
done
say "done; the slice costs until it is deleted: gcloud compute tpus" \
  "$kind delete $name --zone=$zone"
