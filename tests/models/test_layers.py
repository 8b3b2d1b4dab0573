"""Tests `inception_jax/models/layers.py` and `ops.py` on arithmetic one can do by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inception_jax.models import layers
from inception_jax.models.lowering import ops


def test_average_pool_border():
    """TensorFlow's border divides by the pixels there are, torchvision's by the full window."""
    x = jnp.ones((1, 3, 3, 1))
    exclude = layers.avg_pool(x)[0, :, :, 0]
    include = layers.avg_pool(x, count_include_pad=True)[0, :, :, 0]
    assert jnp.allclose(exclude, 1.0)
    assert jnp.allclose(include * 9, jnp.array([[4, 6, 4], [6, 9, 6], [4, 6, 4.0]]))


def batch_norm(x, group, decay=0.9, scale=False, average=0.0):
    norm = layers.BatchNorm(decay=decay, epsilon=1e-3, scale=scale, train=True, group=group)
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
    """Five thousand deviations from the moving average, where nothing of float32 is left.

    Of zero the gradient would be divided by epsilon's root alone, layer after layer.
    """
    x = jnp.asarray(np.random.default_rng(0).normal(1e8, 2e4, (1, 512, 3)), jnp.float32)
    mean, var = ops.moments(x, jnp.zeros(3))
    assert jnp.abs(mean / 1e8 - 1).max() < 1e-4  # 512 draws
    assert (var >= 1e-8 * mean**2).all() and (var < 1e-5 * mean**2).all()


def test_groups_must_divide_the_batch():
    """Seven images do not make groups of two; both numbers are named."""
    with pytest.raises(ValueError, match="7 images does not split into groups of 2"):
        batch_norm(jnp.ones((7, 2, 2, 1)), 2)


@settings(deadline=None, max_examples=40)
@given(n=st.integers(3, 12), k=st.integers(1, 5), stride=st.integers(1, 3), pool=st.booleans())
def test_tf_padding_is_same(n, k, stride, pool):
    """`tf` padding gives ceil(n / stride) windows, the odd pixel after, as lax's SAME."""
    got = ops.pads((n, n), (k, k), stride, "SAME", "tf", pool)
    assert list(got) == jax.lax.padtype_to_pads((n, n), (k, k), (stride, stride), "SAME")


@pytest.mark.parametrize(
    ("n", "k", "stride", "pool", "want"),
    [
        (224, 7, 2, False, (3, 3)),  # torch's padding=3
        (112, 3, 2, True, (0, 1)),  # ceil_mode reaches one pixel over the edge
        (113, 3, 2, True, (0, 0)),
        (14, 2, 2, True, (0, 0)),
        (28, 3, 1, True, (1, 1)),
    ],
)
def test_torch_padding(n, k, stride, pool, want):
    """With ceil_mode torch pads strided convolutions on both sides and strided pools after."""
    assert ops.pads((n, n), (k, k), stride, "SAME", "ceil", pool)[0] == want


@settings(deadline=None, max_examples=10)
@given(
    n=st.sampled_from([4, 5, 8, 9, 18, 19]),
    c=st.sampled_from([3, 20, 64]),  # channels at which the CPU's form changes
    k=st.sampled_from([(1, 1), (3, 3), (5, 5), (1, 7), (7, 1), (2, 2)]),
    stride=st.integers(1, 2),
    padding=st.sampled_from(["SAME", "VALID"]),
)
@example(n=19, c=20, k=(3, 3), stride=1, padding="VALID")
@example(n=19, c=3, k=(3, 3), stride=2, padding="VALID")
@example(n=19, c=64, k=(3, 3), stride=2, padding="VALID")
@example(n=18, c=20, k=(5, 5), stride=1, padding="SAME")
@example(n=17, c=20, k=(7, 1), stride=1, padding="SAME")
def test_conv_and_its_gradients_equal_lax(n, c, k, stride, padding):
    """`ops.conv` and its gradients equal `lax.conv_general_dilated`'s, in any form it takes."""
    if padding == "VALID" and max(k) > n:
        return
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (2, n, n, c))
    w = jax.random.normal(keys[1], (*k, c, 4)) / c
    pads = ops.pads((n, n), k, stride, padding)

    def plain(x, w):
        dims = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x, w, (stride, stride), pads, dimension_numbers=dims)

    want, back = jax.vjp(plain, x, w)
    got, ours = jax.vjp(lambda x, w: ops.conv(x, w, stride, pads), x, w)
    np.testing.assert_allclose(got, want, atol=1e-4)
    ct = jax.random.normal(keys[2], want.shape)
    for a, b in zip(ours(ct), back(ct), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-3)


@pytest.mark.parametrize(("c", "stride"), [(64, 2), (20, 1)])
def test_a_gradient_in_16_bits_is_summed_in_32(c, stride):
    """In bfloat16 what is added up over images and pixels is rounded once, at the end."""
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (16, 19, 19, c), jnp.bfloat16)
    w = jax.random.normal(keys[1], (3, 3, c, 8), jnp.bfloat16)
    pads = ops.pads((19, 19), (3, 3), stride, "SAME")
    y, back = jax.vjp(lambda w: ops.conv(x, w, stride, pads), w)
    ct = jax.random.normal(keys[2], y.shape, jnp.bfloat16)
    wide = (a.astype(jnp.float32) for a in (w, x, ct))
    w32, x32, ct32 = wide
    _, exact = jax.vjp(lambda w: ops.conv(x32, w, stride, pads), w32)
    (got,), (want,) = back(ct), exact(ct32)
    assert got.dtype == jnp.bfloat16

    def rms(x):
        return jnp.sqrt(jnp.square(x.astype(jnp.float32) - want).mean())

    assert rms(got) <= 1.1 * rms(want.astype(jnp.bfloat16))


def test_a_classifier_in_16_bits():
    """Its products are added up in float32, for the logits; each gradient is rounded once."""
    keys = jax.random.split(jax.random.key(0), 3)
    shapes = (512, 96), (96, 40), (512, 40)
    x, w, ct = (jax.random.normal(k, s, jnp.bfloat16) for k, s in zip(keys, shapes, strict=True))
    y, back = jax.vjp(ops.dense, x, w)
    x32, w32, ct32 = (a.astype(jnp.float32) for a in (x, w, ct))
    assert y.dtype == jnp.float32
    np.testing.assert_allclose(y, x32 @ w32, atol=1e-4)
    exact = ct32 @ w32.T, x32.T @ ct32
    for got, want in zip(back(ct32), exact, strict=True):
        assert got.dtype == jnp.bfloat16
        np.testing.assert_allclose(got.astype(jnp.float32), want, rtol=2**-8, atol=1e-4)


@settings(deadline=None, max_examples=15)
@given(
    n=st.integers(3, 9), k=st.sampled_from([2, 3]), stride=st.integers(1, 2),
    style=st.sampled_from(["tf", "torch", "ceil"]), ties=st.booleans(),
)  # fmt: skip
def test_max_pool_and_its_gradient_equal_lax(n, k, stride, style, ties):
    """`ops.max_pool` equals `lax.reduce_window` and sends a tie's gradient to the same pixel."""
    x = jax.random.normal(jax.random.key(n), (2, n, n, 3))
    x = jnp.maximum(x, 0) if ties else x
    pads = ops.pads((n, n), (k, k), stride, "SAME", style, pool=True)

    def plain(x):
        return jax.lax.reduce_window(
            x, -jnp.inf, jax.lax.max, (1, k, k, 1), (1, stride, stride, 1), ((0, 0), *pads, (0, 0))
        )

    want, back = jax.vjp(plain, x)
    got, ours = jax.vjp(lambda x: ops.max_pool(x, (k, k), stride, pads), x)
    assert (got == want).all()
    ct = jax.random.normal(jax.random.key(9), want.shape)
    np.testing.assert_allclose(ours(ct)[0], back(ct)[0], atol=1e-5)


def test_dropout_rate_is_what_is_dropped():
    """Rate 0.7 zeroes 70% and scales the rest by 1 / 0.3; evaluation changes nothing."""
    from flax import linen as nn

    class Layer(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return layers.dropout(self, x, 0.7, train)

    x = jnp.ones((100, 100))
    y = Layer().apply({}, x, True, rngs={"dropout": jax.random.key(0)})
    assert abs(float((y == 0).mean()) - 0.7) < 0.02
    assert np.allclose(np.unique(y), [0, 1 / 0.3])
    assert (Layer().apply({}, x, False) == x).all()
