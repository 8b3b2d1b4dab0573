#!/usr/bin/env bash
# Measures a GPU machine within eight minutes: a table last, JSON in $OUT (README.md).
#   bash experiments/gpu/measure.sh [--photos=DIR_OR_TAR] [--budget=460] [--parts ...] [--networks ...] [--tiny]
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
if compgen -G 'experiments/gpu/wheels/*.whl' >/dev/null; then
  "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --target "$site" \
    experiments/gpu/wheels/*.whl || echo "wheels of another Python: using what is installed" >&2
fi
export PYTHONPATH=$PWD:$site PYTHONUNBUFFERED=1
"$python" -m experiments.gpu.measure --out="${OUT:-.}/measured.json" "$@"
