"""SkyPilot: a managed job, on spot machines of any cloud it knows, GPUs or a TPU slice.

SkyPilot starts a job again on the exit codes it is given: 75 alone. Whether a crash becomes a 75
is decided by `retry` on the first machine, as under SLURM.
"""

import shlex
from pathlib import Path
from typing import Any

from inception_jax.errors import ConfigError
from inception_jax.launch import document, tool
from inception_jax.launch.spec import COMMON, CPUS, MEMORY, Flag, JobSpec

HELP = "SkyPilot: managed jobs on spot machines of any cloud"
FLAGS = (
    *COMMON, CPUS, MEMORY,
    Flag("accelerator", "", "SkyPilot's name and number: H100:8, tpu-v5litepod-16"),
    Flag("version", "", "software of TPU machines: v2-alpha-tpuv5-lite (SkyPilot's choice)"),
    Flag("infra", "", "cloud, region and zone: gcp/us-west4 (any)"),
    Flag("on_demand", False, "no spot machines"),
    Flag("bucket", "", "STORE://NAME:/PATH, with the workdir below it: gs://my-runs:/runs"),
    Flag("install", ".[cuda12]", "what pip installs on the machines"),
)  # fmt: skip
PORT = 6666


def render(spec: JobSpec) -> dict[str, str]:
    """A task file for each task.

    Raises:
        ConfigError: an option that makes no sense.
    """
    if spec.worker and spec.world > 1:
        raise ConfigError("a search over several machines a trial: expected --on=slurm, --nodes=1")
    bucket, _, path = spec.options["bucket"].rpartition(":/")
    if "://" not in bucket:
        raise ConfigError(
            f"--bucket={spec.options['bucket']}: expected STORE://NAME:/PATH, "
            f"such as gs://runs:/runs"
        )
    spec.outlives(f"/{path}", "--bucket")
    return {
        f"task-{i}.yaml" if spec.array else "task.yaml": document.text(task(spec, i))
        for i in spec.chosen
    }


def task(spec: JobSpec, index: int) -> dict[str, Any]:
    """The task of one command."""
    o = spec.options
    resources: dict[str, Any] = {
        "infra": o["infra"],
        "accelerators": o["accelerator"],
        "accelerator_args": {"runtime_version": o["version"]} if o["version"] else "",
        "cpus": o["cpus"],
        "memory": o["memory"],
        "use_spot": not o["on_demand"],
        "job_recovery": {"max_restarts_on_errors": 0, "recover_on_exit_codes": [75]},
    }
    name = f"{spec.name}-{index}" if spec.array else spec.name
    bucket, _, path = o["bucket"].rpartition(":/")
    return {
        "name": name,
        "workdir": ".",
        "num_nodes": spec.nodes,
        "resources": {k: v for k, v in resources.items() if v not in ("", 0)},
        "file_mounts": {f"/{path}": {"source": bucket, "mode": "MOUNT"}},
        "setup": "\n".join(filter(None, [spec.setup, f"pip install -e '{o['install']}'"])) + "\n",
        "run": script(spec, index),
    }


def script(spec: JobSpec, index: int) -> str:
    """What runs on each machine."""
    o, words = spec.options, shlex.join(spec.commands[index])
    place = ""
    if "tpu" in o["accelerator"]:  # a slice may have several hosts, which know who they are
        place = " --distributed"
    elif spec.nodes > 1:
        place = (
            f' --coordinator="$(head -n1 <<<"$SKYPILOT_NODE_IPS"):{PORT}"'
            ' --processes="$SKYPILOT_NUM_NODES" --process="$SKYPILOT_NODE_RANK"'
        )
    budgets = f"--preemptions={spec.preemptions} --crashes={spec.crashes}"
    return f"""\
inception-jax {words}{place}
code=$?
[ "$code" -eq 0 ] && exit 0
[ "$SKYPILOT_NODE_RANK" -eq 0 ] || exit "$code"
inception-jax launch retry --code="$code" --job="$SKYPILOT_TASK_ID" {budgets} -- {words} && exit 75
exit "$code"
"""


def submit(spec: JobSpec, files: dict[str, Path]) -> str:
    """Hands each task to `sky jobs launch`; their names.

    Raises:
        ConfigError: there is no sky here, or it refuses one; those before it are submitted.
    """
    tool.need("sky", "pip install skypilot")
    for path in files.values():
        tool.call("sky", "jobs", "launch", "--yes", "--detach-run", str(path), shown=True)
    return " ".join(f"{spec.name}-{i}" if spec.array else spec.name for i in spec.chosen)


def cancel(job: str) -> None:
    """Cancels the managed jobs of these names.

    Raises:
        ConfigError: there is no sky here, or it refuses.
    """
    tool.need("sky", "end them where it is")
    for name in job.split():
        tool.call("sky", "jobs", "cancel", "--yes", "--name", name, shown=True)
