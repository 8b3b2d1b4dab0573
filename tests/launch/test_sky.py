"""Tests `launch/sky.py`: the task file, and submission with sky."""

from pathlib import Path

import pytest
import yaml

from inception_jax.launch import sky
from inception_jax.launch.spec import JobSpec
from tests.launch.examples import EXAMPLES, rendered
from tests.launch.fake_tool import calls, install


def test_only_75_is_recovered():
    """`launch retry` on the first machine turns crashes into 75; SkyPilot restarts nothing else."""
    task = yaml.safe_load(rendered(EXAMPLES["sky_gpu.yaml"]))
    recovery = task["resources"]["job_recovery"]
    assert recovery == {"max_restarts_on_errors": 0, "recover_on_exit_codes": [75]}
    assert "launch retry" in task["run"] and task["run"].count("exit 75") == 1
    assert '--process="$SKYPILOT_NODE_RANK"' in task["run"] and task["num_nodes"] == 8


@pytest.mark.parametrize(("flag", "spot"), [("", True), ("--on_demand", False)])
def test_spot(flag, spot):
    """Spot machines unless --on_demand is given."""
    task = yaml.safe_load(rendered(f"sky --accelerator=H100:8 --bucket=gs://b:/runs {flag}"))
    assert task["resources"].get("use_spot", False) == spot
    assert task["file_mounts"] == {"/runs": {"source": "gs://b", "mode": "MOUNT"}}


def test_network_tier():
    """Asked for only by the flag: it leaves out clouds without one."""
    flags = "sky --accelerator=H100:8 --nodes=2 --bucket=gs://b:/runs"
    for more, tier in (("", None), (" --network_tier=best", "best")):
        assert yaml.safe_load(rendered(flags + more))["resources"].get("network_tier") == tier


def test_a_token_for_each_job(tmp_path, monkeypatch):
    """SkyPilot takes it from the environment: it is in no file and on no command line."""
    monkeypatch.setenv("INCEPTION_JAX_JOB_TOKEN", "")  # restored afterwards
    check = "test ${#INCEPTION_JAX_JOB_TOKEN} = 32"
    install(tmp_path, monkeypatch, "sky", check)
    spec = JobSpec((("train",),), Path("/runs"), "a", nodes=2)
    assert sky.submit(spec, {"task.yaml": Path("task.yaml")}) == "a"
    (call,) = calls(tmp_path)
    assert call.endswith("--env INCEPTION_JAX_JOB_TOKEN task.yaml")


def test_cancel(tmp_path, monkeypatch):
    """One call per job."""
    install(tmp_path, monkeypatch, "sky")
    sky.cancel("a-0 a-1")
    assert calls(tmp_path) == [f"sky jobs cancel --yes --name {name}" for name in ("a-0", "a-1")]
