"""Tests `launch/tpu_vm.py`: the gcloud script, run with fake tools."""

import os
import subprocess
import sys

from tests.conftest import ROOT
from tests.launch.examples import EXAMPLES, rendered


def test_restarts_of_a_slice(tmp_path):
    """With a fake gcloud: after 75 the job is restarted, a lost slice is created again."""
    tools = {
        "gcloud": """words="$*"
case "$words" in
  *describe*) [ -e slice ] && echo READY ;;
  *delete*) rm -rf slice ;;
  *create*)
    error=$(head -n1 refusals 2>/dev/null); [ -z "$error" ] || sed -i 1d refusals
    [ -z "$error" ] || { echo "$error" >&2; exit 1; }
    mkdir slice; echo created >>log ;;
  *ssh*) cd slice && bash -c "${words##*--command=}" ;;
esac""",
        "git": "mkdir code",
        "pip": "true",
        "sleep": "true",
        "inception-jax": f"""[ "$1" = train ] || exec {sys.executable} -m inception_jax "$@"
echo "$*" >>{tmp_path}/log
code=$(head -n1 {tmp_path}/codes); sed -i 1d {tmp_path}/codes
[ "$code" = gone ] && rm -rf {tmp_path}/slice && exit 255
exit "$code\"""",
    }
    (tmp_path / "bin").mkdir()
    for name, text in tools.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    command = ["--", "train", "--config=configs/digits.py", f"--workdir={tmp_path}/run"]
    script = rendered(EXAMPLES["tpu_vm.sh"], command)
    env = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    full, wrong = "There is no more capacity in the zone", "Failed to find attribute [project]"
    for codes, refusals, starts, slices, code in (
        ("75 gone 75 0", [], 4, 2, 0),
        ("75 78 0", [], 2, 1, 1),
        ("1 1 0", [], 2, 1, 1),  # without a checkpoint in between
        ("0", [full, full], 1, 1, 0),
        ("0", [full, wrong], 0, 0, 1),  # an error that a retry cannot fix
    ):
        for old in ("slice", "run", "log"):
            subprocess.run(["rm", "-rf", tmp_path / old], check=True)
        (tmp_path / "log").touch()
        (tmp_path / "refusals").write_text("".join(f"{line}\n" for line in refusals))
        (tmp_path / "codes").write_text(codes.replace(" ", "\n") + "\n")
        result = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path, env=env, timeout=60, capture_output=True, text=True,
        )  # fmt: skip
        log = (tmp_path / "log").read_text()
        counts = result.returncode, log.count("train --config"), log.count("created")
        assert counts == (code, starts, slices), (codes, refusals)
        assert ("still exists and costs money" in result.stdout) == (slices > 0)
