"""SkyPilot: managed jobs on spot machines of any cloud, with GPUs or a TPU slice.

SkyPilot restarts a job after the exit codes listed in the task file: 75 only. On the first machine
`retry` decides whether a crash becomes a 75, as under SLURM.
"""

import os
import secrets
import shlex
from pathlib import Path
from typing import Any

from inception_jax.errors import ConfigError
from inception_jax.launch import rendering, tool
from inception_jax.launch.spec import COMMON, CPUS, MEMORY, Flag, JobSpec
from inception_jax.runtime.rendezvous.protocol import TOKEN

HELP = "SkyPilot: managed jobs on spot machines of any cloud"
FLAGS = (
    *COMMON, CPUS, MEMORY,
    Flag("accelerator", "", "SkyPilot accelerator and count: H100:8, tpu-v5litepod-16"),
    Flag("version", "", "TPU runtime version, such as v2-alpha-tpuv5-lite (default: SkyPilot's)"),
    Flag("infra", "", "cloud, region and zone, such as gcp/us-west4 (default: any)"),
    Flag("network_tier", "", "best: InfiniBand, EFA or GPUDirect, only on clouds that offer it"),
    Flag("on_demand", False, "on-demand instead of spot machines"),
    Flag("bucket", "", "STORE://NAME:/PATH, such as gs://my-runs:/runs; the workdir is below it"),
    Flag("install", ".[cuda12]", "argument of pip install on the machines"),
)  # fmt: skip
PORT = 6666


def render(spec: JobSpec) -> dict[str, str]:
    """Render one task file per task."""
    spec.require_one_machine_per_trial()
    bucket, _, path = spec.options["bucket"].rpartition(":/")
    if "://" not in bucket:
        raise ConfigError(
            f"--bucket={spec.options['bucket']}: expected STORE://NAME:/PATH, "
            f"such as gs://runs:/runs"
        )
    spec.require_folder_below(f"/{path}", "--bucket")
    return {
        f"task-{i}.yaml" if spec.array else "task.yaml": rendering.dump_yaml(task(spec, i))
        for i in spec.task_indices
    }


def task(spec: JobSpec, index: int) -> dict[str, Any]:
    """Build the task of one command."""
    o = spec.options
    resources: dict[str, Any] = {
        "infra": o["infra"],
        "accelerators": o["accelerator"],
        "accelerator_args": {"runtime_version": o["version"]} if o["version"] else "",
        "cpus": o["cpus"],
        "memory": o["memory"],
        "network_tier": o["network_tier"],
        "use_spot": not o["on_demand"],
        "job_recovery": {"max_restarts_on_errors": 0, "recover_on_exit_codes": [75]},
    }
    bucket, _, path = o["bucket"].rpartition(":/")
    install = f"pip install -e {shlex.quote(o['install'])}"
    return {
        "name": spec.task_name(index),
        "workdir": ".",
        "num_nodes": spec.nodes,
        "resources": {k: v for k, v in resources.items() if v not in ("", 0)},
        "file_mounts": {f"/{path}": {"source": bucket, "mode": "MOUNT"}},
        "setup": "\n".join(filter(None, [spec.setup, install])) + "\n",
        "run": script(spec, index),
    }


def script(spec: JobSpec, index: int) -> str:
    """Render the shell script that runs on each machine."""
    o, words = spec.options, shlex.join(spec.commands[index])
    flags = ""
    if "tpu" in o["accelerator"]:  # a slice may have several hosts, which JAX detects itself
        flags = " --distributed"
    elif spec.nodes > 1:
        flags = (
            f' --coordinator="$(head -n1 <<<"$SKYPILOT_NODE_IPS"):{PORT}"'
            ' --processes="$SKYPILOT_NUM_NODES" --process="$SKYPILOT_NODE_RANK"'
        )
    budgets = f"--preemptions={spec.preemptions} --crashes={spec.crashes}"
    setup = f"{spec.setup}\n" if spec.setup else ""  # the shell of the task's setup is another
    return f"""\
{setup}inception-jax {words}{flags}
code=$?
[ "$code" -eq 0 ] && exit 0
[ "$SKYPILOT_NODE_RANK" -eq 0 ] || exit "$code"
inception-jax launch retry --code="$code" --job="$SKYPILOT_TASK_ID" {budgets} -- {words} && exit 75
exit "$code"
"""


def submit(spec: JobSpec, files: dict[str, Path]) -> str:
    """Submit each task; returns the job names. If sky rejects one, earlier ones stay submitted."""
    tool.require("sky", "pip install skypilot")
    os.environ[TOKEN] = secrets.token_hex(16)  # --env without a value sends it
    for path in files.values():
        words = ("sky", "jobs", "launch", "--yes", "--detach-run", "--env", TOKEN, str(path))
        tool.run(*words, show=True)
    return " ".join(map(spec.task_name, spec.task_indices))


def cancel(job: str) -> None:
    """Cancel the managed jobs with these names."""
    tool.require("sky", "stop the sweep on a machine that has it")
    for name in job.split():
        tool.run("sky", "jobs", "cancel", "--yes", "--name", name, show=True)
