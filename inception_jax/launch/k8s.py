"""Kubernetes: a JobSet, one pod a machine, on GPUs, on TPUs of GKE, or on plain CPUs.

Exit codes are the policy: 75 is not counted and its pods come back; 65, 74 and 78 end the set; any
other code restarts the whole set, at most `--crashes` times. Kueue admits it by its queue label.
"""

import shlex
from pathlib import Path
from typing import Any

from inception_jax.errors import ConfigError
from inception_jax.launch import document, tool
from inception_jax.launch.retry import NEVER, STOPPED
from inception_jax.launch.spec import COMMON, CPUS, GPUS, LEAD, MEMORY, Flag, JobSpec

HELP = "Kubernetes: a JobSet of GPU, TPU (GKE) or CPU pods, with a Kueue queue"
FLAGS = (
    *COMMON, GPUS, CPUS, MEMORY, LEAD,
    Flag("image", "", "container image, built from launch/Dockerfile"),
    Flag("namespace", "default", "namespace"),
    Flag("queue", "", "Kueue's local queue"),
    Flag("claim", "", "shared volume NAME:/PATH, with the workdir and the data below it"),
    Flag("tpu", "", "GKE's accelerator, such as tpu-v5-lite-podslice"),
    Flag("topology", "", "GKE's topology of the slice, such as 4x4"),
    Flag("chips", 4, "TPU chips of each machine"),
)  # fmt: skip
PORT = 6666
# The label that the Job controller gives each pod of an indexed Job, since Kubernetes 1.28.
INDEX = "metadata.labels['batch.kubernetes.io/job-completion-index']"


def render(spec: JobSpec) -> dict[str, str]:
    """The manifest: a JobSet for each task.

    Raises:
        ConfigError: a flag is missing, or does not fit another.
    """
    o = spec.options
    if not o["image"]:
        raise ConfigError("expected --image=REGISTRY/NAME:TAG, built from launch/Dockerfile")
    if o["tpu"] and spec.gpus:
        raise ConfigError("--tpu and --gpus: expected one of them")
    if bool(o["tpu"]) != bool(o["topology"]):
        raise ConfigError("--tpu and --topology go together: --tpu=tpu-v5-lite-podslice "
                          "--topology=4x4")  # fmt: skip
    if ":/" not in o["claim"]:
        raise ConfigError(f"--claim={o['claim']}: expected NAME:/PATH of a shared volume")
    spec.outlives(o["claim"].partition(":")[2], "--claim")
    if spec.worker and spec.world > 1:
        raise ConfigError("a search over several pods a trial: expected --on=slurm, or --nodes=1")
    sets = [jobset(spec, index) for index in spec.chosen]
    return {"jobset.yaml": document.text(*sets)}


def jobset(spec: JobSpec, index: int) -> dict[str, Any]:
    """The JobSet of one task."""
    o = spec.options
    name = f"{spec.name}-{index}" if spec.array else spec.name
    labels = {"labels": {"kueue.x-k8s.io/queue-name": o["queue"]}} if o["queue"] else {}
    stop = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": sorted(NEVER)}}
    saved = {"action": "Ignore", "onExitCodes": {"operator": "In", "values": sorted(STOPPED)}}
    # A pod whose node is drained or taken away is nobody's failure.
    gone = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    job = {
        "parallelism": spec.nodes,
        "completions": spec.nodes,
        "completionMode": "Indexed",
        "backoffLimit": 0,  # a crash is the set's to count, not the Job's
        "podFailurePolicy": {"rules": [stop, saved, gone]},
        "template": {"spec": pod(spec, index, name)},
    }
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": name, "namespace": o["namespace"], **labels},
        "spec": {
            "failurePolicy": {
                "maxRestarts": spec.crashes,
                "rules": [
                    {
                        "name": "noUseInTryingAgain",
                        "action": "FailJobSet",
                        "onJobFailureReasons": ["PodFailurePolicy"],
                    }
                ],
            },
            "replicatedJobs": [{"name": "workers", "replicas": 1, "template": {"spec": job}}],
        },
    }  # fmt: skip


def pod(spec: JobSpec, index: int, name: str) -> dict[str, Any]:
    """One machine's pod."""
    o = spec.options
    device = {"google.com/tpu": o["chips"]} if o["tpu"] else {"nvidia.com/gpu": spec.gpus}
    device = {k: v for k, v in device.items() if v}
    size = {k: v for k, v in {"cpu": o["cpus"], "memory": o["memory"]}.items() if v}
    # Kubernetes would put a variable's value for $(NAME).
    words = ["inception-jax", *(w.replace("$(", "$$(") for w in spec.commands[index])]
    if o["tpu"]:  # GKE tells the pods of a slice who they are
        words += ["--distributed"] if spec.nodes > 1 else []
    elif spec.nodes > 1:
        first = f"{name}-workers-0-0.{name}:{PORT}"
        words += [f"--coordinator={first}", f"--processes={spec.nodes}", "--process=$(PROCESS)"]
    command = {"command": words}
    if spec.setup:  # exec: the signal is for the program
        line = " ".join(w if w == "--process=$(PROCESS)" else shlex.quote(w) for w in words)
        command = {"command": ["bash", "-c", f"{spec.setup}\nexec {line}"]}
    claim, _, path = o["claim"].partition(":")
    container: dict[str, Any] = {
        "name": "train",
        "image": o["image"],
        **command,
        "env": [
            {"name": "PROCESS", "valueFrom": {"fieldRef": {"fieldPath": INDEX}}},
            {"name": "PYTHONUNBUFFERED", "value": "1"},
        ],
        "resources": {"limits": {k: str(v) for k, v in {**size, **device}.items()}},
        "volumeMounts": [
            {"name": "shm", "mountPath": "/dev/shm"},
            {"name": "runs", "mountPath": path},
        ],
    }
    spec_: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": o["lead"],
        "containers": [container],
        "volumes": [
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
            {"name": "runs", "persistentVolumeClaim": {"claimName": claim}},
        ],
    }
    if o["tpu"]:
        spec_["nodeSelector"] = {
            "cloud.google.com/gke-tpu-accelerator": o["tpu"],
            "cloud.google.com/gke-tpu-topology": o["topology"],
        }
    return spec_


def submit(spec: JobSpec, files: dict[str, Path]) -> str:
    """Hands the manifest to kubectl; the names of what it made.

    Raises:
        ConfigError: there is no kubectl here, or the cluster refuses.
    """
    tool.need("kubectl")
    try:
        made = tool.call("kubectl", "create", "-f", str(files["jobset.yaml"]), "-o", "name")
    except ConfigError as e:
        if "AlreadyExists" not in str(e):
            raise
        again = "if it has ended, delete it first: kubectl delete jobset NAME"
        raise ConfigError(f"{e}; {again}") from e
    return " ".join(made.split())


def cancel(job: str, namespace: str) -> None:
    """Deletes the JobSets of a submission: their pods get SIGTERM and save.

    Raises:
        ConfigError: there is no kubectl here, or the cluster refuses.
    """
    tool.need("kubectl", "end them where it is")
    tool.call("kubectl", "delete", "--ignore-not-found", "-n", namespace, *job.split(), shown=True)
