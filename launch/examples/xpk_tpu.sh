#!/bin/bash
set -euo pipefail
INCEPTION_JAX_JOB_TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d " \n") && export INCEPTION_JAX_JOB_TOKEN
xpk workload create \
  --workload=v3 \
  --cluster=v5e-pool \
  --device-type=v5litepod-32 \
  --num-slices=1 \
  --docker-image=REGISTRY/inception-jax:1 \
  --max-restarts=1010 \
  --restart-on-exit-codes=1,70,75 \
  --termination-grace-period-seconds=180 \
  --command="export INCEPTION_JAX_JOB_TOKEN=$INCEPTION_JAX_JOB_TOKEN; "'exec inception-jax train --config=configs/inception_v3.py --workdir=/runs/v3 --distributed'
