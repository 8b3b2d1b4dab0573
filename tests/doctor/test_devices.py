"""Tests `devices`: unused accelerators, arithmetic, the mesh, memory of a step."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest

from inception_jax.doctor import devices
from inception_jax.doctor.finding import FAIL, OK, WARN, size
from inception_jax.runtime import mesh as meshes
from inception_jax.train.program import Program
from inception_jax.train.trainer import build
from tests.doctor.conftest import page


def test_an_unused_accelerator(tmp_path, monkeypatch):
    """A GPU's or a TPU's driver on a host whose JAX computes on the CPU."""
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    assert devices.available(tmp_path).state == OK
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "accel0").touch()
    assert devices.available(tmp_path).advice == "pip install -e '.[tpu]'"
    (tmp_path / "proc/driver/nvidia/gpus/0000:00:04.0").mkdir(parents=True)
    found = devices.available(tmp_path)
    assert found.state == WARN and found.advice == "pip install -e '.[cuda12]'"
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert "unset JAX_PLATFORMS" in devices.available(tmp_path).advice


def test_arithmetic(monkeypatch):
    """The sum over eight devices is right; a wrong one fails."""
    assert "8 devices" in devices.arithmetic().found
    monkeypatch.setattr(jnp, "sum", lambda x: x.sum() + 1)
    assert devices.arithmetic().state == FAIL


def test_mesh():
    """A mesh of all devices passes; idle devices are a warning."""
    assert "8 data x 1 model, 8 images" in devices.mesh(meshes.make(), 64).found
    idle = devices.mesh(meshes.make(4), 64)
    assert idle.state == WARN and "4 of 8 devices are idle" in idle.found


@pytest.fixture(scope="module")
def small():
    """The program of a narrow network with few rows, on one device."""
    rows = tuple(f"inception_{row}" for row in ("4b", "4c", "4d", "4e", "5a", "5b"))
    return build(
        page(data__batch_size=16, model__width=0.125, model__drop_rows=rows, mesh__data=1)
    ).program


def test_memory_without_a_compiler(small, monkeypatch):
    """The bytes of the state, and commands for those of the step; nothing compiles."""
    monkeypatch.setattr(Program, "compiled", None)
    found = devices.memory(small)
    state = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(small.empty_state))
    assert found.state == OK and found.found.startswith(f"{size(state)} of state a device")
    assert "inception-jax plan" in found.found and "--compile" in found.found


def test_memory_by_the_compiler(small, monkeypatch):
    """The sum of its analysis; above nine tenths of a device's memory a warning has remedies."""
    analysis = SimpleNamespace(
        argument_size_in_bytes=500, output_size_in_bytes=400, temp_size_in_bytes=500,
        alias_size_in_bytes=400,
    )  # fmt: skip
    compiled = SimpleNamespace(memory_analysis=lambda: analysis)
    monkeypatch.setattr(Program, "compiled", lambda self: compiled)
    for have, state in ((1000 / 0.89, OK), (1000 / 0.91, WARN)):
        monkeypatch.setattr(devices, "memory_of_host", lambda have=have: int(8 * have))
        found = devices.memory(small, compile=True)
        assert found.state == state and "a step 1.0 kB" in found.found
        assert bool(found.advice) == (state == WARN)
