"""xpk: the `xpk workload create` command for a GKE cluster of TPUs or GPUs created with xpk.

xpk restarts a workload after exit codes 42 and 127 to 255; the command adds 75, 70 (a lost process)
and 1 (a Python error). 65, 74 and 78 end the workload.
"""

import re
import shlex
from pathlib import Path

from inception_jax.errors import ConfigError
from inception_jax.launch import tool
from inception_jax.launch.spec import COMMON, IMAGE, LEAD, NEW_TOKEN, Flag, JobSpec
from inception_jax.runtime.rendezvous.protocol import TOKEN

HELP = "GKE through xpk: an `xpk workload create` command"
FLAGS = (
    *COMMON, LEAD,
    Flag("cluster", "", "name of the xpk cluster"),
    Flag("device", "", "device type: v5litepod-256, h100-80gb-8; --nodes is the number of them"),
    Flag("image", "", "container image, built from launch/Dockerfile"),
    Flag("project", "", "Google Cloud project"),
    Flag("zone", "", "Google Cloud zone"),
)  # fmt: skip
RESTART_CODES = (1, 70, 75)
SLICE = re.compile(r"v\d|tpu")  # TPU device types; all others are GPU machines


def render(spec: JobSpec) -> dict[str, str]:
    """Render a script with one command per task."""
    o = spec.options
    spec.require_options(cluster="v5e-pool", device="v5litepod-256", image=IMAGE)
    if spec.worker:
        raise ConfigError("a search does not run under xpk: expected --on=slurm, k8s or local")
    rows = ["#!/bin/bash", "set -euo pipefail", NEW_TOKEN]
    for i in spec.task_indices:
        program = shlex.join(["inception-jax", *spec.commands[i], "--distributed"])
        words = {
            "workload": spec.task_name(i),
            "cluster": o["cluster"],
            "project": o["project"],
            "zone": o["zone"],
            "device-type": o["device"],
            "num-slices" if SLICE.match(o["device"]) else "num-nodes": spec.nodes,
            "docker-image": o["image"],
            "max-restarts": spec.preemptions + spec.crashes,
            "restart-on-exit-codes": ",".join(map(str, RESTART_CODES)),
            "termination-grace-period-seconds": o["lead"],
            # xpk runs it in a shell script; exec, so that the program receives the signals.
            "command": f"{spec.setup}\nexec {program}" if spec.setup else f"exec {program}",
        }
        line = [f"--{k}={shlex.quote(str(v))}" for k, v in words.items() if v]
        line[-1] = f'--command="export {TOKEN}=${TOKEN}; "' + line[-1].removeprefix("--command=")
        rows.append(" \\\n  ".join(["xpk workload create", *line]))
    return {"workload.sh": "\n".join(rows) + "\n"}


def submit(spec: JobSpec, files: dict[str, Path]) -> str:
    """Run the script; returns the names of the workloads."""
    tool.require("xpk")
    tool.run("bash", str(files["workload.sh"]), show=True)
    return " ".join(map(spec.task_name, spec.task_indices))
