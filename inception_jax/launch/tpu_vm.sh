#!/bin/bash
# A TPU VM slice by hand: create it, install, run, and start again for as long as `launch retry` says.
# Spot slices are taken away whole: the loop makes the slice anew and the same command resumes.
set -uo pipefail
slice={{ name }}
job=$slice-$(date +%s)
where=(--zone={{ zone }}{% if project %} --project={{ project }}{% endif %})
on() { gcloud compute tpus tpu-vm ssh "$slice" "${where[@]}" --worker="$1" --command="$2"; }
state() { gcloud compute tpus tpu-vm describe "$slice" "${where[@]}" --format='value(state)' 2>/dev/null; }

# Only you know whether it is needed still.
trap '[ -z "$(state)" ] || echo "Slice $slice is still paid for; to end that: gcloud compute tpus tpu-vm delete $slice ${where[*]}"' EXIT

create() {
  [ "$(state)" = READY ] && return
  gcloud compute tpus tpu-vm delete "$slice" "${where[@]}" --quiet 2>/dev/null
  until said=$(gcloud compute tpus tpu-vm create "$slice" "${where[@]}" \
    --accelerator-type={{ device }} --version={{ version }}{% if spot %} --spot{% endif %} 2>&1); do
    echo "$said" >&2
    # Machines may come free; a wrong zone or a missing project stays wrong.
    grep -qiE 'capacity|exhausted|unavailable|internal error|try again' <<<"$said" || exit 1
    sleep 60
  done
  on all {{ install }} || exit 1
}

while true; do
  create
  # shellcheck disable=SC2016  # for the hosts to expand
  on all {{ program }} && exit 0
  # What it ended with is known on the hosts: gcloud has one code for all of them.
  if [ "$(state)" = READY ]; then
    on 0 "cd code && inception-jax launch retry --code=\$(cat ../code.txt) --job=$job \
      --preemptions={{ preemptions }} --crashes={{ crashes }} -- "{{ words }} || exit 1
  fi
  sleep 10
done
