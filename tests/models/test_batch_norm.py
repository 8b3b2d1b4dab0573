"""Tests `inception_jax/models/batch_norm.py` against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.models.batch_norm import BatchNorm, batch_statistics
from inception_jax.models.dialect import Norm

pytestmark = pytest.mark.usefixtures("quick_compiler")


def batch_norm(x, group, decay=0.9, scale=False, average=0.0):
    norm = BatchNorm(Norm(decay, 1e-3, scale), train=True, group=group)
    variables = norm.init(jax.random.key(0), x)
    start = jax.tree.map(jnp.array, variables["batch_stats"])
    start["mean"] += average
    return norm.apply({**variables, "batch_stats": start}, x, mutable=["batch_stats"])


@pytest.mark.parametrize("group", [0, 1, 2, 4])
def test_batch_norm_against_numpy(group):
    """Each group has its own statistics; the moving averages follow the mean of the groups'."""
    x = np.random.default_rng(0).normal(1, 2, (8, 3, 3, 5)).astype(np.float32)
    y, new = batch_norm(jnp.asarray(x), group)
    parts = x.reshape(-1, group or 8, 3, 3, 5)
    mean, var = parts.mean((1, 2, 3)), parts.var((1, 2, 3))
    want = (parts - mean[:, None, None, None]) / np.sqrt(var[:, None, None, None] + 1e-3)
    np.testing.assert_allclose(y, want.reshape(x.shape), atol=1e-5)
    stats = new["batch_stats"]
    np.testing.assert_allclose(stats["mean"], 0.1 * mean.mean(0), rtol=1e-5)
    np.testing.assert_allclose(stats["var"], 0.9 + 0.1 * var.mean(0), rtol=1e-5)


@pytest.mark.parametrize(
    ("mean", "average", "atol"), [(1000, 999, 2e-3), (1000, 1010, 2e-3), (30, 0, 1e-3)]
)
def test_batch_norm_far_from_zero(mean, average, atol):
    """A mean a thousand deviations away costs float32's rounding of the input, no more.

    As long as the moving average is near; where it is not yet, thirty deviations lose little.
    """
    x = np.random.default_rng(0).normal(mean, 1, (8, 4, 4, 3)).astype(np.float32)
    y, _ = batch_norm(jnp.asarray(x), 0, average=average)
    wide = x.astype(np.float64)
    want = (wide - wide.mean((0, 1, 2))) / np.sqrt(wide.var((0, 1, 2)) + 1e-3)
    np.testing.assert_allclose(y, want, atol=atol)


def test_a_variance_that_rounding_hides_is_not_zero():
    """Five thousand deviations from the moving average, where float32 has no digit left.

    With zero each layer would divide the gradient by the root of epsilon alone.
    """
    x = jnp.asarray(np.random.default_rng(0).normal(1e8, 2e4, (1, 512, 3)), jnp.float32)
    mean, var = batch_statistics(x[0], jnp.zeros(3), 0)
    assert jnp.abs(mean / 1e8 - 1).max() < 1e-4  # 512 draws
    assert (var >= 1e-8 * mean**2).all() and (var < 1e-5 * mean**2).all()


def test_groups_must_divide_the_batch():
    """Seven images do not make groups of two; both numbers are named."""
    with pytest.raises(ValueError, match="7 images does not split into groups of 2"):
        batch_norm(jnp.ones((7, 2, 2, 1)), 2)


@pytest.mark.parametrize("unbiased", [False, True])
def test_unbiased_average(unbiased):
    """The moving variance follows the unbiased one only in dialects with that switch."""
    x = jax.random.normal(jax.random.key(0), (4, 1, 1, 2))
    norm = BatchNorm(Norm(0.0, 1e-3, scale=False, unbiased=unbiased), train=True)
    _, new = norm.apply(norm.init(jax.random.key(0), x), x, mutable=["batch_stats"])
    want = np.var(x, (0, 1, 2), ddof=int(unbiased))
    np.testing.assert_allclose(new["batch_stats"]["var"], want, rtol=1e-5)
