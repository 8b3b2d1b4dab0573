#!/bin/bash
# A SLURM cluster on one machine, for tests: a controller, and one slurmd per node.
#
#   apt-get install -y --no-install-recommends slurmctld slurmd slurm-client munge
#   launch/slurm_cluster.sh start DIR [NODES] [CPUS]    # as root; then: export SLURM_CONF=DIR/slurm.conf
#   launch/slurm_cluster.sh node DIR N                  # restart the slurmd of node N
#   launch/slurm_cluster.sh stop DIR
#
# SLURM_PORT (16817) is the controller's port; the nodes use the following ones. A second cluster needs others.
# Debian's slurmd supports several nodes on one host (slurmd -N name). Timeouts are shorter than usual:
# by default a requeued job waits 120 s (cred_expire), and a node counts as lost after 300 s.
set -euo pipefail
action=$1 dir=$(realpath -m "$2") nodes=${3:-2} cpus=${4:-2} port=${SLURM_PORT:-16817}
export SLURM_CONF=$dir/slurm.conf

start() {
  mkdir -p "$dir"/{state,log}
  for i in $(seq "$nodes"); do
    mkdir -p "$dir/spool/n$i"
    # JAX uses the first node's name as an address.
    grep -qE "[[:space:]]n$i( |$)" /etc/hosts || echo "127.0.0.1 n$i" >>/etc/hosts
  done
  install -d -o munge -g munge -m 755 /run/munge
  install -d -o munge -g munge -m 700 /var/log/munge /var/lib/munge
  munge -n >/dev/null 2>&1 || runuser -u munge -- /usr/sbin/munged
  # Fake GPUs, for jobs that request some.
  touch "$dir"/gpu{0..7}
  echo "Name=gpu File=$dir/gpu[0-7]" >"$dir/gres.conf"
  cat >"$SLURM_CONF" <<CONF
ClusterName=trial
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0,batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=15
KillWait=20
GresTypes=gpu
JobRequeue=1
NodeName=n[1-$nodes] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + nodes))] CPUs=$cpus RealMemory=4000 Gres=gpu:8
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  slurmctld -c -f "$SLURM_CONF"
  for i in $(seq "$nodes"); do slurmd -N "n$i" -f "$SLURM_CONF"; done
  for _ in $(seq 100); do
    [ "$(sinfo --noheader --states=idle --format=%D)" = "$nodes" ] && exit 0
    sleep 0.1
  done
  sinfo
  exit 1
}

stop() {
  squeue --noheader --format=%A | xargs -r scancel || true
  for pid in "$dir"/slurmd.*.pid "$dir"/slurmctld.pid; do kill "$(cat "$pid")" 2>/dev/null || true; done
}

case $action in
  start) start ;;
  node) slurmd -N "n$3" -f "$SLURM_CONF" ;;
  stop) stop ;;
  *) sed -n '2,9p' "$0" && exit 78 ;;
esac
