"""Tests of Muon's own keys: the rate of Adam's leaves, and kernels of a fixed norm."""

import itertools

import jax
import numpy as np
import optax
import pytest

from inception_jax import config as cfg
from inception_jax.train import optim

pytestmark = pytest.mark.usefixtures("quick_compiler")

RATE = 0.1


def normal(seed, shape):
    """Normal numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture
def params():
    """A convolution, a depthwise one, a dense layer and a bias."""
    shapes = {"conv": (3, 3, 8, 16), "depthwise": (3, 3, 1, 8), "dense": (8, 4), "beta": (4,)}
    return {
        name: {"kernel" if len(shape) > 1 else "bias": normal(i, shape)}
        for i, (name, shape) in enumerate(shapes.items())
    }


def steps(params, count=3, **more):
    """The parameters after each of some steps along random gradients."""
    section = cfg.ConfigDict(cfg.muon(schedule=cfg.rate("constant", lr=RATE), momentum=0.6, **more))
    tx, _ = optim.build(section, epochs=1.0, steps_per_epoch=10.0)
    state, found, update = tx.init(params), [params], jax.jit(tx.update)
    with jax.numpy_dtype_promotion("standard"):  # optax's Adam raises a float to a count
        for i in range(count):
            grads = jax.tree.map(lambda x, i=i: normal(100 + i, x.shape), params)
            updates, state = update(grads, state, found[-1])
            found.append(optax.apply_updates(found[-1], updates))
    return found


def test_a_fixed_norm_is_kept(params):
    """A convolution's kernel stays on its sphere, and each step turns it by the rate."""
    found = steps(params, fixed_norm=True)
    norms = [np.linalg.norm(p["conv"]["kernel"]) for p in found]
    np.testing.assert_allclose(norms, norms[0], rtol=1e-5)
    for before, after in itertools.pairwise(found):
        moved = np.linalg.norm(after["conv"]["kernel"] - before["conv"]["kernel"]) / norms[0]
        # Back on the sphere a step is a chord, a little shorter than the rate.
        assert 0.95 * RATE < moved < 1.05 * RATE
    free = steps(params)
    assert abs(np.linalg.norm(free[-1]["conv"]["kernel"]) / norms[0] - 1) > 3e-5
    for name in ("depthwise", "dense", "beta"):  # Adam's, as ever
        jax.tree.map(np.testing.assert_array_equal, found[-1][name], free[-1][name])


def test_the_rate_of_adams_leaves(params):
    """It is a factor on what Adam does; Muon's kernels are unchanged."""
    (start, full), (_, less) = steps(params, 1), steps(params, 1, adam_lr=0.1)
    np.testing.assert_array_equal(full["conv"]["kernel"], less["conv"]["kernel"])
    for name in ("depthwise", "dense", "beta"):
        for a, b, c in zip(*(jax.tree.leaves(p[name]) for p in (start, full, less)), strict=True):
            np.testing.assert_allclose(c - a, 0.1 * (b - a), rtol=1e-3, atol=1e-6)


def test_kernels_of_a_fixed_norm_do_not_decay(params):
    """With `weight_decay` Adam's kernels shrink, those of a fixed norm move as without it."""
    (_, plain), (_, decayed) = (steps(params, 1, fixed_norm=True, weight_decay=d) for d in (0, 0.5))
    np.testing.assert_array_equal(decayed["conv"]["kernel"], plain["conv"]["kernel"])
    for name in ("depthwise", "dense"):
        kernel = plain[name]["kernel"] - RATE * 0.5 * params[name]["kernel"]
        np.testing.assert_allclose(decayed[name]["kernel"], kernel, atol=1e-6)
