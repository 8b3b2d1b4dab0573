"""Tests `inception_jax/runtime/xla_options.py`: the options of each compiler."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import jaxlib.version
import pytest

from inception_jax.runtime import xla_options

CPU = SimpleNamespace(platform="cpu")


@pytest.mark.parametrize(
    ("platform", "vmem", "training", "evaluation"),
    [
        ("tpu", 48, {"xla_tpu_scoped_vmem_limit_kib": "49152"}, None),
        ("tpu", 0, None, None),
        ("cpu", 48, xla_options.BY_MEMORY, xla_options.BY_MEMORY | xla_options.WITHOUT_YNNPACK),
        ("gpu", 48, xla_options.AS_WRITTEN, None),
    ],
)
def test_each_compiler_gets_options_that_it_has(monkeypatch, platform, vmem, training, evaluation):
    """A TPU's VMEM in KiB; no option that another compiler would refuse."""
    monkeypatch.setattr(jaxlib.version, "__version_info__", (0, 9, 1))
    device = SimpleNamespace(platform=platform)
    assert xla_options.training(device, vmem) == training
    assert xla_options.evaluation(device) == evaluation


def test_an_older_compiler_gets_no_options(monkeypatch):
    """Before 0.9.1 the CPU compiler refuses the options."""
    monkeypatch.setattr(jaxlib.version, "__version_info__", (0, 9, 0))
    assert xla_options.training(CPU) is xla_options.evaluation(CPU) is None


def test_a_step_on_a_cpu_keeps_less_than_by_default():
    """Of modules with four branches, the gradient: 32 MB for 48 with jaxlib 0.10."""

    def modules(kernels, x):
        for kernel in kernels:
            x = sum(jax.nn.relu(jnp.sort(x + i) @ kernel[i]) for i in range(4))
        return x.sum()

    kernels = [jnp.ones((4, 64, 64))] * 3
    lowered = jax.jit(jax.grad(modules)).lower(kernels, jnp.ones((4000, 64)))

    def temporaries(options):
        return lowered.compile(compiler_options=options).memory_analysis().temp_size_in_bytes

    options = xla_options.training(jax.devices()[0])
    if options is None:
        pytest.skip("this jaxlib's CPU compiler has no options")
    assert temporaries(options) < 0.75 * temporaries(None)


def test_an_evaluation_on_a_cpu_leaves_products_to_eigen():
    """The option does what it is for: no product of the program is YNNPACK's."""
    if xla_options.evaluation(CPU) is None:
        pytest.skip("this jaxlib's CPU compiler has no options")
    a = jnp.ones((512, 512))

    def text(jitted):
        return jitted.lower(a).compile().as_text()

    if "ynn_fusion" not in text(jax.jit(lambda x: x @ x)):
        pytest.skip("this jaxlib has no YNNPACK for this processor")
    assert "ynn_fusion" not in text(xla_options.jit(lambda x: x @ x))
