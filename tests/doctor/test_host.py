"""Tests `host`: versions, digests, SLURM, variables and limits of a host."""

import resource
import time

import pytest

from inception_jax.doctor import host
from inception_jax.doctor.finding import OK, WARN
from inception_jax.runtime import distributed
from inception_jax.workdir import disk_space
from tests.doctor.conftest import page


def test_versions(monkeypatch):
    """A jaxlib or plugin of another release is a warning with the command to install it."""
    assert host.packages().state == OK
    versions = {"jax": "0.10.2", "jaxlib": "0.10.1", "jax-cuda12-plugin": "0.10.0"}
    monkeypatch.setattr(host, "_version", lambda name: versions.get(name, ""))
    found = host.packages()
    assert found.state == WARN and "flax missing" in found.found
    assert found.advice == "pip install jaxlib==0.10.2 jax-cuda12-plugin==0.10.2"


def test_digests_of_code_and_config():
    """The digests are those that the processes of a run compare; a changed value changes them."""
    assert distributed.code_digest() in host.code().found
    one, other = host.config(page(), None), host.config(page(optim__lr=0.3), None)
    differs = [k for k in one.same if one.same[k] != other.same[k]]
    assert one.found != other.found and differs == ["optim.lr"]


@pytest.mark.parametrize(
    ("environment", "state", "message"),
    [({}, OK, "no SLURM"),
     ({"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "4"}, WARN, "4 nodes, but not started by srun"),
     ({"SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "n1", "SLURM_JOB_END_TIME": "+9090"}, OK, "2h3"),
     ({"SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "n1", "SLURM_JOB_END_TIME": "+60"}, WARN, ""),
    ],
)  # fmt: skip
def test_scheduler(environment, state, message):
    """A job outside srun, or one that ends soon, is a warning."""
    if end := environment.get("SLURM_JOB_END_TIME"):
        environment = {**environment, "SLURM_JOB_END_TIME": str(int(time.time()) + int(end))}
    found = host.scheduler(environment)
    assert found.state == state and message in found.found


@pytest.mark.parametrize(
    ("environment", "platform", "several", "state"),
    [({"http_proxy": "x"}, "cpu", False, OK), ({"http_proxy": "x"}, "cpu", True, WARN),
     ({"http_proxy": "x", "no_proxy": "n1"}, "cpu", True, OK),
     ({"JAX_DEBUG_NANS": "1"}, "", False, WARN),
     ({"JAX_DEBUG_NANS": "0"}, "", False, OK),
     ({"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}, "cpu", False, OK),
     ({"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}, "gpu", False, WARN),
     ({"LD_LIBRARY_PATH": "/usr/local/cuda/lib"}, "gpu", False, WARN),
     ({"LD_LIBRARY_PATH": "/usr/local/cuda/lib"}, "cpu", False, OK)],
)  # fmt: skip
def test_variables(environment, platform, several, state):
    """Each variable is a warning only where it does harm."""
    found = host.variables(platform, several, environment)
    assert found.state == state and bool(found.advice) == (state == WARN)


def test_limits():
    """Too few open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1023, hard))
        assert host.limits().advice.startswith("ulimit -n ")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_nccl(tmp_path, monkeypatch):
    """Too little shared memory; and where InfiniBand is, a limit of pinned memory."""
    free, pinned = {"free": host.NCCL}, {resource.RLIMIT_MEMLOCK: (8 << 20, 8 << 20)}
    monkeypatch.setattr(host.shutil, "disk_usage", lambda path: SimpleNamespace(**free))
    monkeypatch.setattr(host.resource, "getrlimit", pinned.__getitem__)
    rdma = str(tmp_path)
    assert host.nccl(rdma=str(tmp_path / "none")).state == OK
    found = host.nccl(rdma=rdma)
    assert found.state == WARN and found.advice.startswith("ulimit -l unlimited")
    pinned[resource.RLIMIT_MEMLOCK] = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert host.nccl(rdma=rdma).state == OK
    free["free"] -= 1
    found = host.nccl(rdma=rdma)
    assert found.state == WARN and "docker run --shm-size" in found.advice


def test_cache(tmp_path, monkeypatch):
    """Warns of no compilation cache, or too little room for it."""
    assert host.cache(None).state == WARN
    monkeypatch.setattr(disk_space, "free_bytes", lambda path: host.CACHE)
    assert host.cache(tmp_path).state == OK
    monkeypatch.setattr(disk_space, "free_bytes", lambda path: host.CACHE - 1)
    assert host.cache(tmp_path).state == WARN
