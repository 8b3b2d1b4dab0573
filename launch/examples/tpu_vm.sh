#!/bin/bash
# A TPU VM slice: create it, install, run, and restart as long as `launch retry` allows it.
# A spot slice is preempted as a whole: the loop creates a new slice, and the same command resumes.
set -uo pipefail
slice=v3
job=$slice-$(date +%s)
where=(--zone=us-west4-a)
on() { gcloud compute tpus tpu-vm ssh "$slice" "${where[@]}" --worker="$1" --command="$2"; }
state() { gcloud compute tpus tpu-vm describe "$slice" "${where[@]}" --format='value(state)' 2>/dev/null; }

# The slice is kept for debugging.
trap '[ -z "$(state)" ] || echo "Slice $slice still exists and costs money; to delete it: gcloud compute tpus tpu-vm delete $slice ${where[*]}"' EXIT

create() {
  [ "$(state)" = READY ] && return
  gcloud compute tpus tpu-vm delete "$slice" "${where[@]}" --quiet 2>/dev/null
  until output=$(gcloud compute tpus tpu-vm create "$slice" "${where[@]}" \
    --accelerator-type=v5litepod-32 --version=v2-alpha-tpuv5-lite --spot 2>&1); do
    echo "$output" >&2
    # Retry while capacity is short, but not after an error such as a wrong zone.
    grep -qiE 'capacity|exhausted|unavailable|internal error|try again' <<<"$output" || exit 1
    sleep 60
  done
  on all 'rm -rf code && git clone -q GIT_URL code && pip install -q -e '"'"'code[tpu]'"'"'' || exit 1
}

while true; do
  create
  INCEPTION_JAX_JOB_TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d " \n") && export INCEPTION_JAX_JOB_TOKEN
  # shellcheck disable=SC2016  # expanded on the hosts
  on all "export INCEPTION_JAX_JOB_TOKEN=$INCEPTION_JAX_JOB_TOKEN; "'cd code && inception-jax train --config=configs/inception_v3.py --workdir=/runs/v3 --distributed; code=$?; echo $code >../code.txt; exit $code' && exit 0
  # gcloud returns one code for all hosts; the first host has stored its own.
  if [ "$(state)" = READY ]; then
    on 0 "cd code && inception-jax launch retry --code=\$(cat ../code.txt) --job=$job \
      --preemptions=1000 --crashes=10 -- "'train --config=configs/inception_v3.py --workdir=/runs/v3' || exit 1
  fi
  sleep 10
done
