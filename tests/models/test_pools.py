"""Tests `inception_jax/models/pools.py` on arithmetic one can do by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.models import pools
from inception_jax.models.lowering.preactivation import Preactivation

pytestmark = pytest.mark.usefixtures("quick_compiler")


def test_average_pool_border():
    """TensorFlow's border divides by the pixels inside the image, torchvision's by the window."""
    x = jnp.ones((1, 3, 3, 1))
    exclude = pools.avg_pool(x)[0, :, :, 0]
    include = pools.avg_pool(x, count_include_pad=True)[0, :, :, 0]
    assert jnp.allclose(exclude, 1.0)
    assert jnp.allclose(include * 9, jnp.array([[4, 6, 4], [6, 9, 6], [4, 6, 4.0]]))


def test_max_pool_styles():
    """At 4 pixels TensorFlow's windows end at the edge, and torch's start before it."""
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    assert pools.max_pool(x, 3, 2, "VALID").ravel().tolist() == [10]
    assert pools.max_pool(x, 3, 2, "SAME", "tf").ravel().tolist() == [10, 11, 14, 15]
    assert pools.max_pool(x, 3, 2, "SAME", "torch").ravel().tolist() == [5, 7, 13, 15]


def test_max_pool_of_a_preactivation():
    """Pooling before normalisation and ReLU gives what pooling after them gives."""
    z = jax.random.normal(jax.random.key(0), (4, 5, 5, 3))
    factor, shift = jax.random.uniform(jax.random.key(1), (2, 2, 3))
    y = Preactivation(z, factor + 0.1, shift - 0.5)
    pooled = pools.max_pool(y)
    assert isinstance(pooled, Preactivation)
    np.testing.assert_allclose(pooled.value, pools.max_pool(y.value), rtol=1e-6)


def test_adaptive_pool():
    """Five rows to two cells: rows 0 to 2 and rows 2 to 4, as torch has it."""
    x = jnp.broadcast_to(jnp.arange(5.0)[None, :, None, None], (1, 5, 4, 1))
    got = pools.adaptive_avg_pool(x, 2)
    assert got[0, :, :, 0].tolist() == [[1, 1], [3, 3]]


@pytest.mark.parametrize(
    ("pool", "dtype"),
    [(pools.avg_pool, "bfloat16"), (pools.avg_pool, "float16"),
     (partial(pools.avg_pool, size=5, strides=3, padding="VALID"), "bfloat16"),
     (partial(pools.adaptive_avg_pool, size=4), "bfloat16")],
    ids=["border", "float16", "head", "adaptive"],
)  # fmt: skip
def test_means_in_16_bits_are_rounded_once(pool, dtype):
    """Mean and gradient are those of float32, rounded to 16 bits at the end."""
    x = jax.random.uniform(jax.random.key(0), (2, 9, 9, 4), dtype)
    ct = jax.random.uniform(jax.random.key(1), jax.eval_shape(pool, x).shape, dtype)

    @jax.jit
    def both(x, ct):
        y, back = jax.vjp(pool, x)
        return y, back(ct)[0]

    y, got = both(x, ct)
    wide, want = both(x.astype("float32"), ct.astype("float32"))
    assert y.dtype == dtype and (y == wide.astype(dtype)).all()
    assert (got == want.astype(dtype)).all()
