"""Kubernetes: a JobSet with one pod per machine, on GPUs, GKE TPUs or CPUs.

Exit codes decide about restarts: after 75 the pod is restarted and not counted; 65, 74 and 78 end
the JobSet; any other code restarts the whole JobSet, at most `--crashes` times. The `--queue` label
hands it to Kueue.
"""

import shlex
from pathlib import Path
from typing import Any

from inception_jax.errors import ConfigError
from inception_jax.launch import rendering, tool
from inception_jax.launch.retry import NEVER, STOPPED
from inception_jax.launch.spec import COMMON, CPUS, GPUS, IMAGE, LEAD, MEMORY, Flag, JobSpec
from inception_jax.runtime.rendezvous.protocol import TOKEN

HELP = "Kubernetes: a JobSet of GPU, TPU (GKE) or CPU pods, optionally in a Kueue queue"
FLAGS = (
    *COMMON, GPUS, CPUS, MEMORY, LEAD,
    Flag("image", "", "container image, built from launch/Dockerfile"),
    Flag("namespace", "default", "namespace"),
    Flag("queue", "", "Kueue local queue"),
    Flag("claim", "", "shared volume claim NAME:/PATH; workdir and data lie below PATH"),
    Flag("tpu", "", "GKE accelerator, such as tpu-v5-lite-podslice"),
    Flag("topology", "", "GKE topology of the slice, such as 4x4"),
    Flag("chips", 4, "TPU chips per machine"),
    Flag("rdma", "", "resource of the network cards and its count, such as rdma/hca_shared:1"),
)  # fmt: skip
PORT = 6666
# The label of each pod of an indexed Job (Kubernetes 1.28 and later).
INDEX = "metadata.labels['batch.kubernetes.io/job-completion-index']"
# A random id that only the pods of one Job and readers of the namespace know; new at each restart.
JOB_UID = "metadata.labels['batch.kubernetes.io/controller-uid']"


def render(spec: JobSpec) -> dict[str, str]:
    """Render the manifest: one JobSet per task."""
    o = spec.options
    spec.require_options(image=IMAGE)
    spec.require_one_machine_per_trial()
    if o["tpu"] and spec.gpus:
        raise ConfigError("--tpu and --gpus: expected one of them, got both")
    if bool(o["tpu"]) != bool(o["topology"]):
        raise ConfigError("--tpu and --topology: expected both, such as --tpu=tpu-v5-lite-podslice "
                          "--topology=4x4")  # fmt: skip
    if ":/" not in o["claim"]:
        raise ConfigError(f"--claim={o['claim']}: expected NAME:/PATH of a shared volume")
    spec.require_folder_below(o["claim"].partition(":")[2], "--claim")
    sets = [jobset(spec, index) for index in spec.task_indices]
    return {"jobset.yaml": rendering.dump_yaml(*sets)}


def jobset(spec: JobSpec, index: int) -> dict[str, Any]:
    """Build the JobSet of one task."""
    o = spec.options
    name = spec.task_name(index)
    labels = {"labels": {"kueue.x-k8s.io/queue-name": o["queue"]}} if o["queue"] else {}
    fatal = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": sorted(NEVER)}}
    saved = {"action": "Ignore", "onExitCodes": {"operator": "In", "values": sorted(STOPPED)}}
    # Drained or preempted nodes.
    disrupted = {
        "action": "Ignore",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
    }
    job = {
        "parallelism": spec.nodes,
        "completions": spec.nodes,
        "completionMode": "Indexed",
        "backoffLimit": 0,  # crashes are counted by the JobSet
        "podFailurePolicy": {"rules": [fatal, saved, disrupted]},
        "template": {"spec": pod(spec, index, name)},
    }
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": name, "namespace": o["namespace"], **labels},
        "spec": {
            "failurePolicy": {
                "maxRestarts": spec.crashes,
                "rules": [{"name": "failOnFatalExitCode", "action": "FailJobSet",
                           "onJobFailureReasons": ["PodFailurePolicy"]}],
            },
            "replicatedJobs": [{"name": "workers", "replicas": 1, "template": {"spec": job}}],
        },
    }  # fmt: skip


def pod(spec: JobSpec, index: int, name: str) -> dict[str, Any]:
    """Build the pod of one machine."""
    o = spec.options
    device = {"google.com/tpu": o["chips"]} if o["tpu"] else {"nvidia.com/gpu": spec.gpus}
    device = {k: v for k, v in device.items() if v}
    card, _, count = o["rdma"].partition(":")
    device |= {card: count or 1} if card else {}
    size = {k: v for k, v in {"cpu": o["cpus"], "memory": o["memory"]}.items() if v}
    # Kubernetes substitutes $(NAME); $$( is an escaped $(.
    words = ["inception-jax", *(w.replace("$(", "$$(") for w in spec.commands[index])]
    if o["tpu"]:  # JAX finds its place in the slice through GKE
        words += ["--distributed"] if spec.nodes > 1 else []
    else:
        words += spec.address_flags(f"{name}-workers-0-0.{name}:{PORT}", "$(PROCESS)")
    command = {"command": words}
    if spec.setup:  # exec, so that the program receives the signals
        line = " ".join(w if w == "--process=$(PROCESS)" else shlex.quote(w) for w in words)
        command = {"command": ["bash", "-c", f"{spec.setup}\nexec {line}"]}
    claim, _, path = o["claim"].partition(":")
    # NCCL reaches InfiniBand or EFA through the cluster's device plugin, and pins memory for it.
    pins = {"securityContext": {"capabilities": {"add": ["IPC_LOCK"]}}} if card else {}
    container: dict[str, Any] = {
        "name": "train",
        "image": o["image"],
        **command,
        **pins,
        "env": [
            {"name": "PROCESS", "valueFrom": {"fieldRef": {"fieldPath": INDEX}}},
            {"name": TOKEN, "valueFrom": {"fieldRef": {"fieldPath": JOB_UID}}},
            {"name": "PYTHONUNBUFFERED", "value": "1"},
        ],
        "resources": {"limits": {k: str(v) for k, v in {**size, **device}.items()}},
        "volumeMounts": [
            {"name": "shm", "mountPath": "/dev/shm"},
            {"name": "runs", "mountPath": path},
        ],
    }
    # NCCL's segments are in shared memory, those of one process's threads too; a container's own
    # 64 MB do not hold them.
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
    """Submit the manifest with kubectl; returns the names of the created objects."""
    tool.require("kubectl")
    try:
        created = tool.run("kubectl", "create", "-f", str(files["jobset.yaml"]), "-o", "name")
    except ConfigError as e:
        if "AlreadyExists" not in str(e):
            raise
        advice = "if it has ended, delete it first: kubectl delete jobset NAME"
        raise ConfigError(f"{e}; {advice}") from e
    return " ".join(created.split())


def cancel(job: str, namespace: str) -> None:
    """Delete the JobSets of a submission: their pods receive SIGTERM and save."""
    tool.require("kubectl", "stop the sweep on a machine that has it")
    tool.run("kubectl", "delete", "--ignore-not-found", "-n", namespace, *job.split(), show=True)
