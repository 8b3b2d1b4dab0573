"""Tests `inception_jax/models/lowering/gpu_pool.py`: values and gradients are XLA's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.models.lowering import forms, gpu_pool, ops

pytestmark = pytest.mark.usefixtures("quick_compiler")


def both(x, size, stride, padding, style="tf"):
    """(values, gradient) of the form, and of XLA's own pool."""
    pads = ops.pads(x.shape[1:3], (size, size), stride, padding, style, pool=True)

    def run(pool):
        values, back = jax.vjp(lambda x: pool(x, (size, size), stride, pads), x)
        seed = jax.random.normal(jax.random.key(9), values.shape, values.dtype)
        return values, back(seed)[0]

    with forms.without("platform", "places"):
        want = jax.jit(lambda: run(ops.max_pool))()
    return jax.jit(lambda: run(gpu_pool.max_pool))(), want


@pytest.mark.parametrize("dtype", ["float64", pytest.param("bfloat16", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("size", "stride", "padding", "style"),
    [(3, 2, "VALID", "tf"), (3, 2, "SAME", "ceil"), (3, 1, "SAME", "tf"), (2, 2, "SAME", "torch")],
)
def test_values_and_gradients_equal_the_plain_pool(float64, size, stride, padding, style, dtype):
    """Of whole numbers most windows have several maxima: the gradient goes to the first."""
    x = jnp.round(jax.random.normal(jax.random.key(0), (2, 9, 8, 3))).astype(dtype)
    (values, gradient), (want, want_gradient) = both(x, size, stride, padding, style)
    assert values.dtype == gradient.dtype == dtype
    assert (values == want).all()
    wide = np.asarray(gradient, np.float64), np.asarray(want_gradient, np.float64)
    np.testing.assert_allclose(*wide, atol=1e-12 if dtype == "float64" else 3e-2)


def test_what_is_no_number_stays_so():
    """The loss of a step that diverged must not be finite again."""
    x = jnp.ones((1, 3, 3, 1)).at[0, 1, 1, 0].set(jnp.nan)
    assert jnp.isnan(gpu_pool.max_pool(x, (3, 3), 2, ((0, 0), (0, 0)))).all()


def test_gradients_are_added_in_32_bits():
    """Four windows share a pixel: in 16 bits 1 + 3 / 256 would be 1 after each sum."""
    x = jnp.zeros((1, 5, 5, 1), jnp.bfloat16).at[0, 2, 2, 0].set(1)
    pads = ((0, 0), (0, 0))
    _, back = jax.vjp(lambda x: gpu_pool.max_pool(x, (3, 3), 2, pads), x)
    seed = jnp.array([1 / 256, 1 / 256, 1 / 256, 1], jnp.bfloat16).reshape(1, 2, 2, 1)
    assert back(seed)[0][0, 2, 2, 0] == jnp.bfloat16(1 + 3 / 256)


def test_gpus_remember_places():
    """Tracing for a GPU takes this form; for others XLA's or the CPU's own."""
    x = jnp.zeros((1, 5, 5, 1))

    def text(platform):
        with forms.for_platform(platform):
            pool = jax.grad(lambda x: ops.max_pool(x, (3, 3), 2, ((0, 0), (0, 0))).sum())
            return str(jax.make_jaxpr(pool)(x))

    assert "select_and_scatter" in text("tpu") and "select_and_scatter" not in text("gpu")
