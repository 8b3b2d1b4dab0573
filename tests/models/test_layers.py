"""Tests `inception_jax/models/layers.py` on arithmetic one can do by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from inception_jax.models import layers
from inception_jax.models.dialect import Dialect, Norm, Preprocessing
from inception_jax.models.lowering.preactivation import Preactivation

pytestmark = pytest.mark.usefixtures("quick_compiler")


def dialect(norm=None, **fields):
    return Dialect(source="tests", norm=norm, preprocessing=Preprocessing(8), **fields)


@pytest.mark.parametrize(
    ("features", "width", "want"), [(33, 1.0, 33), (64, 0.5, 32), (20, 0.5, 8), (8, 0.125, 8)]
)
def test_scaled(features, width, want):
    """Channels are multiples of 8, at least 8, and the paper's at width 1."""
    assert layers.scaled(features, width) == want


@pytest.mark.parametrize("scale", [False, True])
def test_conv_bn_is_convolution_normalisation_relu(scale):
    """Against `lax` and NumPy; without a gamma the last two can be left to the reader."""
    layer = layers.ConvBN(8, 3, dialect=dialect(Norm(0.9, 1e-3, scale)), train=True)
    x = jax.random.normal(jax.random.key(0), (4, 5, 5, 2))
    variables = layer.init(jax.random.key(1), x)
    y, _ = layer.apply(variables, x, mutable=["batch_stats"])
    z = jax.lax.conv_general_dilated(
        x, variables["params"]["kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    want = (z - z.mean((0, 1, 2))) / np.sqrt(z.var((0, 1, 2)) + 1e-3)
    np.testing.assert_allclose(y, np.maximum(want, 0), atol=1e-5)
    deferred, _ = layer.apply(variables, x, defer=True, mutable=["batch_stats"])
    assert isinstance(deferred, Preactivation) != scale


@pytest.mark.parametrize(
    ("norm", "bias", "names"),
    [(None, False, "bias kernel"), (Norm(0.9, 1e-3, True), False, "bn kernel"),
     (Norm(0.9, 1e-3, True), True, "bias bn kernel")],
)  # fmt: skip
def test_biases(norm, bias, names):
    """A convolution has a bias without BatchNorm, and beside it in dialects with that switch."""
    layer = layers.ConvBN(8, dialect=dialect(norm, bias=bias))
    params = layer.init(jax.random.key(0), jnp.zeros((1, 2, 2, 3)))["params"]
    assert " ".join(sorted(params)) == names


def test_too_small_a_grid_names_the_layer():
    """An unpadded 3x3 on 2x4 pixels."""

    class Network(nn.Module):
        @nn.compact
        def __call__(self, x):
            return layers.ConvBN(8, 3, 1, "VALID", dialect=dialect(), name="conv_1a")(x)

    with pytest.raises(layers.ImageTooSmallError, match=r"layer conv_1a .* 3x3, got 2x4"):
        Network().init(jax.random.key(0), jnp.zeros((1, 2, 4, 3)))


def test_dropout_rate_is_what_is_dropped():
    """Rate 0.7 zeroes 70% and scales the rest by 1 / 0.3; evaluation changes nothing."""

    class Layer(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return layers.dropout(self, x, 0.7, train)

    x = jnp.ones((100, 100))
    y = Layer().apply({}, x, True, rngs={"dropout": jax.random.key(0)})
    assert abs(float((y == 0).mean()) - 0.7) < 0.02
    assert np.allclose(np.unique(y), [0, 1 / 0.3])
    assert (Layer().apply({}, x, False) == x).all()


def test_lrn_against_a_loop():
    """Local response normalisation equals its definition, channel by channel."""
    x = jax.random.normal(jax.random.key(0), (2, 3, 3, 7))
    got = layers.local_response_norm(x, radius=2, bias=1.0, alpha=0.1, beta=0.75)
    for c in range(7):
        total = (x[..., max(0, c - 2) : c + 3] ** 2).sum(-1)
        want = x[..., c] / (1.0 + 0.1 * total) ** 0.75
        assert jnp.allclose(got[..., c], want, atol=1e-6)
