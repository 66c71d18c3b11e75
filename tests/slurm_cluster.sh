#!/usr/bin/env bash
# Runs a command in a SLURM cluster of two nodes, both of them this machine.
#
#   tests/slurm_cluster.sh FOLDER COMMAND...
#
# munged, slurmctld and two slurmd run as the user who calls, keep everything
# in FOLDER, touch nothing of a SLURM that is set up here, and end with the
# command, whose status is returned. Needs Debian's slurm-wlm, set up or not.
set -euo pipefail

folder=$(realpath "$1")
shift
export PATH="$PATH:/usr/sbin:/sbin" SLURM_CONF="$folder/slurm.conf"
mkdir -p "$folder"/{munge,state,spool/127.0.0.{1,2}}
chmod 700 "$folder/munge"

read -r port port_1 port_2 < <(python3 -c '
import socket
ports = [socket.socket() for _ in range(3)]
for s in ports:
  s.bind(("", 0))
print(*(s.getsockname()[1] for s in ports))
')
# The names of nodes are addresses: they resolve on any machine, and a slurmd
# that is not built for several on one host takes them for two. No start of a
# task needs longer than cred_expire, and a job that is put back into the
# queue waits as long. JAX makes its port of the job's number.
cat >"$SLURM_CONF" <<END
ClusterName=tests
SlurmctldHost=localhost
SlurmctldPort=$port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=10
CredType=cred/munge
FirstJobId=$((RANDOM + 1))
StateSaveLocation=$folder/state
SlurmctldPidFile=$folder/state/slurmctld.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdSpoolDir=$folder/spool/%n
SlurmdPidFile=$folder/state/slurmd.%n.pid
SlurmdLogFile=$folder/slurmd.%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
KillWait=30
NodeName=127.0.0.1 Port=$port_1 CPUs=1
NodeName=127.0.0.2 Port=$port_2 CPUs=1
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
head -c 1024 /dev/urandom >"$folder/munge/key"
chmod 600 "$folder/munge/key"

pids=()
stop() {
  # Jobs first: their processes are not children of the daemons.
  scancel --user="$(id -un)" || true
  scancel --user="$(id -un)" --full --signal=KILL || true
  until_true no_jobs || true
  kill "${pids[@]}"
  wait
} 2>/dev/null
trap stop EXIT

# Waits for a condition, at most 60 s.
until_true() {
  local i
  for ((i = 0; i < 300; i++)); do
    "$@" && return
    sleep 0.2
  done
  echo "tests/slurm_cluster.sh: waited in vain: $*; see $folder" >&2
  return 1
}
no_jobs() { [[ -z "$(squeue --noheader)" ]]; }
all_idle() { [[ "$(sinfo --noheader --format=%D%t 2>&1)" == "2idle" ]]; }

munged --foreground --force --key-file="$folder/munge/key" \
  --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" \
  --seed-file="$folder/munge/seed" &>"$folder/munged.log" &
pids+=($!)
until_true test -S "$folder/munge/socket"
slurmctld -D -c &>"$folder/slurmctld.out" &
pids+=($!)
for node in 127.0.0.1 127.0.0.2; do
  slurmd -D -N "$node" &>"$folder/slurmd.$node.out" &
  pids+=($!)
done
until_true all_idle
"$@"
