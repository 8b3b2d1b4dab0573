#!/bin/bash
set -euo pipefail
xpk workload create \
  --workload=v3 \
  --cluster=h100-pool \
  --device-type=h100-80gb-8 \
  --num-nodes=8 \
  --docker-image=REGISTRY/inception-jax:1 \
  --max-restarts=1010 \
  --restart-on-exit-codes=1,70,75 \
  --termination-grace-period-seconds=180 \
  --command='exec inception-jax train --config=configs/inception_v3.py --workdir=/runs/v3 --distributed'
