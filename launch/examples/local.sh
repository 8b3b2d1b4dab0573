#!/bin/bash
export GLIBC_TUNABLES="${GLIBC_TUNABLES-glibc.malloc.hugetlb=1}"
INCEPTION_JAX_JOB_TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d " \n") && export INCEPTION_JAX_JOB_TOKEN
inception-jax train --config=configs/inception_v3.py --workdir=/runs/v3 --coordinator=localhost:6666 --processes=2 --process=0 &
inception-jax train --config=configs/inception_v3.py --workdir=/runs/v3 --coordinator=localhost:6666 --processes=2 --process=1
wait
