#!/bin/bash
set -euo pipefail
INCEPTION_JAX_JOB_TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d " \n") && export INCEPTION_JAX_JOB_TOKEN
xpk workload create \
  --workload=v3 \
  --cluster=h100-pool \
  --device-type=h100-80gb-8 \
  --num-nodes=8 \
  --docker-image=REGISTRY/inception-jax:1 \
  --max-restarts=1010 \
  --restart-on-exit-codes=1,70,75 \
  --termination-grace-period-seconds=180 \
  --command="export INCEPTION_JAX_JOB_TOKEN=$INCEPTION_JAX_JOB_TOKEN; "'exec inception-jax train --config=configs/inception_v3.py --workdir=/runs/v3 --distributed'
