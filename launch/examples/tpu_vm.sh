#!/bin/bash
# A TPU VM slice by hand: create it, install, run, and start again for as long as `launch retry` says.
# Spot slices are taken away whole: the loop makes the slice anew and the same command resumes.
set -uo pipefail
slice=v3
job=$slice-$(date +%s)
where=(--zone=us-west4-a)
on() { gcloud compute tpus tpu-vm ssh "$slice" "${where[@]}" --worker="$1" --command="$2"; }
state() { gcloud compute tpus tpu-vm describe "$slice" "${where[@]}" --format='value(state)' 2>/dev/null; }

# Only you know whether it is needed still.
trap '[ -z "$(state)" ] || echo "Slice $slice is still paid for; to end that: gcloud compute tpus tpu-vm delete $slice ${where[*]}"' EXIT

create() {
  [ "$(state)" = READY ] && return
  gcloud compute tpus tpu-vm delete "$slice" "${where[@]}" --quiet 2>/dev/null
  until said=$(gcloud compute tpus tpu-vm create "$slice" "${where[@]}" \
    --accelerator-type=v5litepod-32 --version=v2-alpha-tpuv5-lite --spot 2>&1); do
    echo "$said" >&2
    # Machines may come free; a wrong zone or a missing project stays wrong.
    grep -qiE 'capacity|exhausted|unavailable|internal error|try again' <<<"$said" || exit 1
    sleep 60
  done
  on all 'rm -rf code && git clone -q GIT_ADDRESS code && pip install -q -e '"'"'code[tpu]'"'"'' || exit 1
}

while true; do
  create
  # shellcheck disable=SC2016  # for the hosts to expand
  on all 'cd code && inception-jax train --config=configs/inception_v3.py --workdir=/runs/v3 --distributed; code=$?; echo $code >../code.txt; exit $code' && exit 0
  # What it ended with is known on the hosts: gcloud has one code for all of them.
  if [ "$(state)" = READY ]; then
    on 0 "cd code && inception-jax launch retry --code=\$(cat ../code.txt) --job=$job \
      --preemptions=1000 --crashes=10 -- "'train --config=configs/inception_v3.py --workdir=/runs/v3' || exit 1
  fi
  sleep 10
done
