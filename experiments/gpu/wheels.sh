#!/usr/bin/env bash
# Downloads what the package needs and a bare GPU machine lacks, for its Python: wheels.sh [3.12]
set -euo pipefail
cd "$(dirname "$0")"
system=() # pip matches each name exactly
for name in _2_28 _2_27 _2_17 2014 1; do system+=(--platform "manylinux${name}_x86_64"); done
rm -rf wheels
python3 -m pip download -q --no-deps --only-binary=:all: --dest wheels \
  --python-version "${1:-3.12}" --implementation cp "${system[@]}" \
  'ml-collections>=1,<2' 'simplejpeg>=1.8,<2' 'tensorboardX>=2.6,<3' 'turbojpeg>=0.0.2,<0.1'
du -h wheels/*
