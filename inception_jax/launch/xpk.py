"""xpk: the `xpk workload create` line for a TPU or GPU cluster of GKE that xpk made.

xpk starts again after codes 42 and 127 to 255 by itself; 75, a lost process (70) and a Python error
(1) are added. 65, 74 and 78 are not in the list: they end the workload.
"""

import re
import shlex
from pathlib import Path

from inception_jax.errors import ConfigError
from inception_jax.launch import tool
from inception_jax.launch.spec import COMMON, LEAD, Flag, JobSpec

HELP = "GKE through xpk: one `xpk workload create` line"
FLAGS = (
    *COMMON, LEAD,
    Flag("cluster", "", "of xpk"),
    Flag("device", "", "device type: v5litepod-256, h100-80gb-8; --nodes is how many"),
    Flag("image", "", "container image, built from launch/Dockerfile"),
    Flag("project", "", "Google Cloud project"),
    Flag("zone", "", "Google Cloud zone"),
)  # fmt: skip
AGAIN = (1, 70, 75)
SLICE = re.compile(r"v\d|tpu")  # device types of TPUs; others are machines with GPUs


def render(spec: JobSpec) -> dict[str, str]:
    """The script with the line: one for each task.

    Raises:
        ConfigError: a flag that xpk needs is missing.
    """
    o = spec.options
    for flag, example in (("cluster", "v5e-pool"), ("device", "v5litepod-256"),
                          ("image", "REGISTRY/NAME:TAG")):  # fmt: skip
        if not o[flag]:
            raise ConfigError(f"expected --{flag}=..., such as --{flag}={example}")
    if spec.worker:
        raise ConfigError("a search needs a scheduler that its workers can stay on: --on=slurm")
    rows = ["#!/bin/bash", "set -euo pipefail"]
    for i in spec.chosen:
        program = shlex.join(["inception-jax", *spec.commands[i], "--distributed"])
        words = {
            "workload": f"{spec.name}-{i}" if spec.array else spec.name,
            "cluster": o["cluster"],
            "project": o["project"],
            "zone": o["zone"],
            "device-type": o["device"],
            "num-slices" if SLICE.match(o["device"]) else "num-nodes": spec.nodes,
            "docker-image": o["image"],
            "max-restarts": spec.preemptions + spec.crashes,
            "restart-on-exit-codes": ",".join(map(str, AGAIN)),
            "termination-grace-period-seconds": o["lead"],
            # xpk puts the text into a shell script: exec, so that the signal is the program's.
            "command": f"{spec.setup}\nexec {program}" if spec.setup else f"exec {program}",
        }
        line = [f"--{k}={shlex.quote(str(v))}" for k, v in words.items() if v]
        rows.append(" \\\n  ".join(["xpk workload create", *line]))
    return {"workload.sh": "\n".join(rows) + "\n"}


def submit(spec: JobSpec, files: dict[str, Path]) -> str:
    """Runs the script; the workloads' names.

    Raises:
        ConfigError: there is no xpk here, or it refuses.
    """
    tool.need("xpk")
    tool.call("bash", str(files["workload.sh"]), shown=True)
    return " ".join(f"{spec.name}-{i}" if spec.array else spec.name for i in spec.chosen)
