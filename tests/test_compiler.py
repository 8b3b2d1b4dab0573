"""Tests `inception_jax/compiler.py`: what is said to which compiler."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import jaxlib.version
import pytest

from inception_jax import compiler

BY_MEMORY = {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}


@pytest.mark.parametrize(
    ("platform", "vmem", "said"),
    [
        ("tpu", 48, {"xla_tpu_scoped_vmem_limit_kib": "49152"}),
        ("tpu", 0, None),
        ("cpu", 48, BY_MEMORY),
        ("gpu", 48, None),
    ],
)
def test_each_compiler_is_told_what_it_knows(monkeypatch, platform, vmem, said):
    """A TPU's of its memory, in KiB; nothing that another compiler would refuse."""
    monkeypatch.setattr(jaxlib.version, "__version_info__", (0, 9, 1))
    assert compiler.options(SimpleNamespace(platform=platform), vmem) == said


def test_an_older_compiler_is_told_nothing(monkeypatch):
    """Before 0.9.1 a CPU's refuses the option."""
    monkeypatch.setattr(jaxlib.version, "__version_info__", (0, 9, 0))
    assert compiler.options(SimpleNamespace(platform="cpu")) is None


def test_a_step_on_a_cpu_keeps_less_than_by_default():
    """Of modules with four branches, the gradient: 32 MB for 48 with jaxlib 0.10."""

    def modules(kernels, x):
        for kernel in kernels:
            x = sum(jax.nn.relu(jnp.sort(x + i) @ kernel[i]) for i in range(4))
        return x.sum()

    kernels = [jnp.ones((4, 64, 64))] * 3
    lowered = jax.jit(jax.grad(modules)).lower(kernels, jnp.ones((4000, 64)))

    def kept(options):
        return lowered.compile(compiler_options=options).memory_analysis().temp_size_in_bytes

    told = compiler.options(jax.devices()[0])
    if told is None:
        pytest.skip("this jaxlib's CPU compiler cannot be told")
    assert kept(told) < 0.75 * kept(None)
