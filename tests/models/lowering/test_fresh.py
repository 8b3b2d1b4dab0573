"""Tests `inception_jax/models/lowering/fresh.py`: first variables, drawn on the host."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from inception_jax import models
from inception_jax.models.lowering import fresh
from tests.models.small import with_rows

CASES = [
    # Truncated normals, and a head.
    pytest.param("inception_v3", "slim", ["conv_1a", "mixed_6e"], marks=pytest.mark.slow),
    # Uniform ones.
    pytest.param("inception_v4", "timm", ["conv_1a"], marks=pytest.mark.slow),
    # Constant biases, no BatchNorm.
    pytest.param("googlenet", "paper", ["conv1"], marks=pytest.mark.slow),
    ("bn_inception", "cadene", ["conv1"]),
]


def assert_equal(got, want):
    """The same tree of the same numbers, to the last bits: compilers fuse differently."""
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize(("name", "dialect", "rows"), CASES)
def test_values_are_those_of_a_program(name, dialect, rows):
    """Those of `init` inside `jit`, which places them, for a traced seed."""
    model, device = with_rows(name, dialect, rows), jax.devices()[1]
    place = jax.sharding.SingleDeviceSharding(device)
    init = lambda seed: models.init(model, seed)  # noqa: E731
    found = jax.jit(init, out_shardings=place)(3)
    assert {leaf.device for leaf in jax.tree.leaves(found)} == {device}
    assert_equal(models.init(model, 3), found)


INITIALIZERS = {
    "truncated": (nn.initializers.truncated_normal(0.1), (3, 3, 100, 100)),
    "uniform": (nn.initializers.glorot_uniform(), (3, 3, 100, 100)),
    # XLA multiplies the draw's factor and the initialiser's first.
    "normal": (nn.initializers.variance_scaling(2.0, "fan_out", "normal"), (3, 3, 100, 100)),
    "orthogonal": (nn.initializers.orthogonal(), (3, 3, 2, 4)),  # not elementwise
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_any_initialiser(name):
    """Values of more than one block, and of an initialiser that is no function of one number."""
    initializer, shape = INITIALIZERS[name]
    draw = lambda key: initializer(key, shape, jnp.float32)  # noqa: E731
    got, want = fresh.evaluated(draw, 7), jax.jit(draw)(jax.random.key(7))
    np.testing.assert_allclose(got, want, rtol=2e-6, atol=1e-6)


def test_double_precision(float64):
    """The 64-bit draws of a float64 network."""
    draw = lambda key: jax.random.truncated_normal(key, -2, 2, (5, 7), jnp.float64)  # noqa: E731
    np.testing.assert_array_equal(fresh.evaluated(draw, 3), jax.jit(draw)(jax.random.key(3)))


def test_another_generator():
    """Of a generator whose numbers depend on the whole shape, no blocks are drawn."""
    draw = lambda key: jax.random.truncated_normal(key, -2, 2, (5, 7))  # noqa: E731
    with jax.default_prng_impl("rbg"):
        np.testing.assert_allclose(fresh.evaluated(draw, 3), draw(jax.random.key(3)), rtol=1e-6)


def test_nothing_of_the_networks_size_is_compiled(monkeypatch):
    """A second width takes the programs of the first: as many as there are distributions."""
    compiled, block = [], fresh._block
    monkeypatch.setattr(fresh, "_block", lambda *key: compiled.append(key) or block(*key))
    for width in (0.1, 1.0):
        models.init(with_rows("inception_v3", "slim", ["conv_1a", "mixed_5b"], width=width))
    assert len(compiled) > 10 and len(set(compiled)) == 1
