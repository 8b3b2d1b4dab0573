"""Tests `launch/k8s.py`: the JobSet's restart policy, and submission with kubectl."""

import pytest
import yaml

from inception_jax.errors import ConfigError
from inception_jax.launch import k8s
from tests.launch.examples import EXAMPLES, rendered
from tests.launch.fake_tool import calls, install


def test_k8s_exit_codes():
    """75 and evictions are not counted; 65, 74 and 78 end the JobSet; other codes are counted."""
    spec = yaml.safe_load(rendered(EXAMPLES["k8s_gpu.yaml"] + " --crashes=3"))["spec"]
    assert spec["failurePolicy"]["maxRestarts"] == 3
    job = spec["replicatedJobs"][0]["template"]["spec"]
    rules = {
        (r["action"], *r.get("onExitCodes", {}).get("values", ["disrupted"]))
        for r in job["podFailurePolicy"]["rules"]
    }
    assert rules == {("FailJob", 65, 74, 78), ("Ignore", 75, 143), ("Ignore", "disrupted")}
    assert job["backoffLimit"] == 0 and job["completions"] == job["parallelism"] == 8
    command = job["template"]["spec"]["containers"][0]["command"]
    assert "--coordinator=v3-workers-0-0.v3:6666" in command and "--processes=8" in command


def test_tpu_pods_ask_for_chips():
    """A TPU pod has chips and a node selector; JAX finds the other hosts itself."""
    spec = yaml.safe_load(rendered(EXAMPLES["k8s_tpu.yaml"]))["spec"]
    pod = spec["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["limits"] == {"google.com/tpu": "4"}
    assert pod["nodeSelector"]["cloud.google.com/gke-tpu-topology"] == "4x8"
    assert container["command"][-1] == "--distributed"


def test_an_existing_jobset_is_named(tmp_path, monkeypatch):
    """The error of kubectl is passed on, with advice."""
    install(tmp_path, monkeypatch, "kubectl", 'echo "AlreadyExists: v3" >&2; exit 1')
    with pytest.raises(ConfigError, match="AlreadyExists: v3; if it has ended, delete it first"):
        k8s.submit(None, {"jobset.yaml": tmp_path / "jobset.yaml"})


def test_cancel_deletes_jobsets(tmp_path, monkeypatch):
    """All JobSets of a submission, in its namespace."""
    install(tmp_path, monkeypatch, "kubectl")
    k8s.cancel("jobset/a-0 jobset/a-1", "team")
    assert calls(tmp_path) == ["kubectl delete --ignore-not-found -n team jobset/a-0 jobset/a-1"]


def test_network_cards_and_shared_memory():
    """`--rdma` asks for the cards and the right to pin memory; shared memory is the machine's."""

    def pod(flags):
        text = rendered(f"k8s --image=i --claim=c:/runs --nodes=2 --gpus=8 {flags}")
        job = yaml.safe_load(text)["spec"]["replicatedJobs"][0]["template"]
        return job["spec"]["template"]["spec"]

    (plain,), (rdma,) = (pod(x)["containers"] for x in ("", "--rdma=vpc.amazonaws.com/efa:4"))
    assert plain["resources"]["limits"] == {"nvidia.com/gpu": "8"}
    assert rdma["resources"]["limits"] == {"nvidia.com/gpu": "8", "vpc.amazonaws.com/efa": "4"}
    assert rdma["securityContext"] == {"capabilities": {"add": ["IPC_LOCK"]}}
    assert "securityContext" not in plain
    assert pod("")["volumes"][0] == {"name": "shm", "emptyDir": {"medium": "Memory"}}
    (one,) = pod("--rdma=rdma/hca")["containers"]
    assert one["resources"]["limits"]["rdma/hca"] == "1"
