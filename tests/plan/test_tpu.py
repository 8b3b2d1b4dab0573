"""Tests `plan` with the TPU's real compiler: no TPU, but `.[tpu]`; run with -m tpu."""

import json

import pytest

SMALL = ["--config=configs/digits.py:width=0.125", "--config.data.image_size=8",
         "--config.model.aux=false", "--config.model.bn_group=16"]  # fmt: skip
pytestmark = pytest.mark.tpu


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    """Each test compiles for itself."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))


def test_a_step_on_four_chips(command):
    """Four chips send only gradients; the second time the plan comes from the cache."""
    words = ["plan", *SMALL, "--topology=v5e-4", "--config.model.dtype=bfloat16"]
    done = command(*words, "--json")
    found = json.loads(done.stdout)
    assert found["devices"] == {
        "count": 4, "hosts": 1, "platform": "tpu", "kind": "TPU v5 lite",
        "mesh": {"data": 4, "model": 1},
    }  # fmt: skip
    step, memory = found["step"], found["memory"]
    assert 0 < step["memory_bytes"] < step["accessed_bytes"]
    assert 0 < step["seconds"]["optimal"] < step["seconds"]["schedule"] < 1
    assert 0 < memory["total"] < memory["capacity"] == 16 * 2**30
    sent = {r["dtype"]: r["bytes"] for r in found["collectives"]}
    parameters = memory["state"]["parameters"]
    assert abs(sum(sent.values()) - parameters / 2) < 0.2 * parameters  # vectors are 32 bits wide
    assert sent["bf16"] > 0.98 * parameters / 2  # every kernel's, the classifier's 1.4% too
    assert sum(found["rows"].values()) == pytest.approx(1) == sum(found["kinds"].values())
    again = json.loads(command(*words, "--json").stdout)
    assert again.pop("cached") and not found.pop("cached") and again == found
    assert "limited by" in command(*words).stdout


def test_what_does_not_fit(command):
    """The compiler's out-of-memory error ends with 78, the amounts and suggestions."""
    done = command("plan", *SMALL, "--topology=v5e-1", "--config.data.batch_size=4194304")
    assert done.returncode == 78, done.stderr
    assert "it does not fit: expected at most" in done.stderr
    assert "--config.train.recompute=lean" in done.stderr
    assert "--config.data.batch_size=" in done.stderr
