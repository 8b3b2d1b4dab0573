#!/bin/bash
# A TPU VM slice: create it, install, run, and restart as long as `launch retry` allows it.
# A spot slice is preempted as a whole: the loop creates a new slice, and the same command resumes.
set -uo pipefail
slice={{ spec.name }}
job=$slice-$(date +%s)
where=(--zone={{ zone }}{% if project %} --project={{ project }}{% endif %})
on() { gcloud compute tpus tpu-vm ssh "$slice" "${where[@]}" --worker="$1" --command="$2"; }
state() { gcloud compute tpus tpu-vm describe "$slice" "${where[@]}" --format='value(state)' 2>/dev/null; }

# The slice is kept for debugging.
trap '[ -z "$(state)" ] || echo "Slice $slice still exists and costs money; to delete it: gcloud compute tpus tpu-vm delete $slice ${where[*]}"' EXIT

create() {
  [ "$(state)" = READY ] && return
  gcloud compute tpus tpu-vm delete "$slice" "${where[@]}" --quiet 2>/dev/null
  until output=$(gcloud compute tpus tpu-vm create "$slice" "${where[@]}" \
    --accelerator-type={{ device }} --version={{ version }}{% if spot %} --spot{% endif %} 2>&1); do
    echo "$output" >&2
    # Retry while capacity is short, but not after an error such as a wrong zone.
    grep -qiE 'capacity|exhausted|unavailable|internal error|try again' <<<"$output" || exit 1
    sleep 60
  done
  on all {{ install }} || exit 1
}

while true; do
  create
  {{ new_token }}
  # shellcheck disable=SC2016  # expanded on the hosts
  on all "export {{ token }}=${{ token }}; "{{ program }} && exit 0
  # gcloud returns one code for all hosts; the first host has stored its own.
  if [ "$(state)" = READY ]; then
    on 0 "cd code && inception-jax launch retry --code=\$(cat ../code.txt) --job=$job \
      --preemptions={{ spec.preemptions }} --crashes={{ spec.crashes }} -- "{{ words }} || exit 1
  fi
  sleep 10
done
