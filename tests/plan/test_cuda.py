"""Tests `plan` with the GPU's real compiler: no GPU, but `.[cuda13]`; run with -m cuda."""

import json

import pytest

from tests.plan.test_tpu import SMALL

pytestmark = pytest.mark.cuda


def test_a_step_on_eight_gpus(command, monkeypatch, tmp_path):
    """Eight GPUs send only gradients; every figure is there; the text names the GPU."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    words = ["plan", *SMALL, "--topology=h100-8", "--config.model.dtype=bfloat16",
             "--config.data.batch_size=128"]  # fmt: skip
    done = command(*words, "--json")
    found = json.loads(done.stdout)
    assert found["devices"] == {
        "count": 8, "hosts": 1, "platform": "gpu", "kind": "NVIDIA H100 80GB HBM3",
        "mesh": {"data": 8, "model": 1},
    }  # fmt: skip
    step, memory = found["step"], found["memory"]
    assert step["flops"] > 0 and 0 < step["memory_bytes"] == step["accessed_bytes"]
    assert not step["kernels"].get("scatters")  # max-pools remember places
    assert step["kernels"]["convolutions"] > 0 < step["kernels"]["collectives"] < 60
    assert 0 < step["seconds"]["optimal"] < step["seconds"]["schedule"] < 1
    assert 0 < memory["temporaries"] < memory["total"] < memory["capacity"]
    sent = {r["dtype"]: r["bytes"] for r in found["collectives"]}
    parameters = memory["state"]["parameters"]
    assert abs(sum(sent.values()) - parameters / 2) < 0.2 * parameters  # vectors are 32 bits wide
    assert [r["devices"] for r in found["scaling"]] == [8, 16, 32, 64, 128, 256]
    assert sum(found["rows"].values()) == pytest.approx(1) == sum(found["kinds"].values())
    shown = command(*words).stdout
    assert "one step on one h100" in shown and "XLA_PYTHON_CLIENT_MEM_FRACTION" in shown
