"""Tests `inception_jax/models/lowering/ops.py`: padding, dropout, a classifier's gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inception_jax.models.lowering import ops


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


def test_dropout_of_a_part_is_a_part_of_dropout():
    """Any images of a batch lose the entries that they lose in the whole; the rate holds."""
    key, places = jax.random.key(0), jnp.array([5, 0, 3])
    whole = ops.keep(key, 0.25, (64, 10))
    with ops.places_in_batch(places):
        assert (ops.keep(key, 0.25, (3, 10)) == whole[places]).all()
    assert (ops.keep(key, 0.25, (3, 10)) == whole[:3]).all()
    assert len({bytes(row) for row in np.asarray(whole)}) > 32 and 0.7 < whole.mean() < 0.8


def test_relu_gradient_at_zero():
    """The gradient is 0 where the output is 0."""
    assert jax.grad(lambda x: ops.relu(x).sum())(jnp.array([-1.0, 0, 2])).tolist() == [0, 0, 1]
