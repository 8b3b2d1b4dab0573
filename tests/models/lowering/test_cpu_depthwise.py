"""Tests `inception_jax/models/lowering/cpu_depthwise.py`, by `ops`: its form equals XLA's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.models.lowering import cpu_depthwise, forms, ops
from inception_jax.runtime import xla_options

pytestmark = pytest.mark.usefixtures("quick_compiler")


def arrays(n, c, multiplier, k, stride, dtype):
    """An input, a kernel, a cotangent and the padding."""
    keys = jax.random.split(jax.random.key(0), 3)
    pads = ops.pads((n, n + 1), (k, k), stride, "SAME")
    x = jax.random.normal(keys[0], (2, n, n + 1, c), dtype)
    kernel = jax.random.normal(keys[1], (k, k, 1, c * multiplier), dtype) / k
    plain = jax.eval_shape(lambda: cpu_depthwise.plain_depthwise(x, kernel, stride, pads))
    return x, kernel, jax.random.normal(keys[2], plain.shape, dtype), pads


def result(function, stride, pads):
    """The output and both gradients, compiled quickly as it runs once."""

    def run(x, kernel, ct):
        y, back = jax.vjp(lambda x, k: function(x, k, stride, pads), x, kernel)
        return y, *back(ct)

    return jax.jit(run, compiler_options=xla_options.once())


def farthest(got, want):
    """The largest difference, relative to the largest number, of each."""
    wide = [[a.astype(jnp.float32) for a in side] for side in (got, want)]
    return [float(jnp.abs(a - b).max() / jnp.abs(b).max()) for a, b in zip(*wide, strict=True)]


@pytest.mark.parametrize(
    ("n", "c", "multiplier", "k", "stride", "off"),
    [
        (7, 5, 1, 3, 1, ()),  # Xception's
        (6, 5, 1, 2, 1, ("by_image",)),  # padded on one side
        (7, 3, 4, 5, 2, ()),  # as TF-slim's first layer of BN-Inception
    ],
)
def test_depthwise_and_its_gradients_equal_lax(n, c, multiplier, k, stride, off):
    """In float32 to 1e-6."""
    x, kernel, ct, pads = arrays(n, c, multiplier, k, stride, jnp.float32)
    with forms.without(*off):
        got = result(ops.depthwise, stride, pads)(x, kernel, ct)
    want = result(cpu_depthwise.plain_depthwise, stride, pads)(x, kernel, ct)
    assert max(farthest(got, want)) < 1e-6


def test_a_large_batch_goes_image_by_image(monkeypatch):
    """And gives the same numbers."""
    x, kernel, ct, pads = arrays(7, 5, 1, 3, 1, jnp.float32)
    want = result(ops.depthwise, 1, pads)(x, kernel, ct)
    monkeypatch.setattr(cpu_depthwise, "LARGE", 0)
    assert max(farthest(result(ops.depthwise, 1, pads)(x, kernel, ct), want)) < 1e-6


def test_16_bits_are_summed_in_32():
    """In bfloat16 outputs and gradients are rounded once, at the end."""
    x, kernel, ct, pads = arrays(19, 8, 1, 3, 1, jnp.bfloat16)
    got = result(ops.depthwise, 1, pads)(x, kernel, ct)
    exact = result(ops.depthwise, 1, pads)(*(a.astype(jnp.float32) for a in (x, kernel, ct)))
    for a, b in zip(got, exact, strict=True):
        assert a.dtype == jnp.bfloat16
        np.testing.assert_allclose(a.astype(jnp.float32), b, rtol=2**-8, atol=1e-5)


def test_no_convolution_is_left_to_xla_on_a_cpu():
    """Neither in Xception's forward nor in its backward form."""
    x, kernel, ct, pads = arrays(7, 4, 1, 3, 1, jnp.float32)
    run = result(ops.depthwise, 1, pads)
    assert " convolution(" not in run.lower(x, kernel, ct).compile().as_text()
