"""Tests weight decay apart from the gradient: its size and its masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax import config as cfg
from inception_jax.train import optim

SHAPES = {"mixed": (1, 1, 4, 8), "depthwise": (3, 3, 1, 8), "logits": (8, 10)}
KEYS = {
    "sgd": {"momentum": 0.9},
    "rmsprop": {"decay": 0.9, "momentum": 0.9, "eps": 1.0},
    "adam": {"eps": 1e-8},
    "adamw": {"eps": 1e-8},
    "lion": {},
    "muon": {"momentum": 0.9},
    "lamb": {"eps": 1e-6},
    "lars": {"momentum": 0.9},
}
HIT = {"kernels": ["kernel"], "backbone": ["kernel"], "all": ["kernel", "bias", "scale"]}


@pytest.mark.parametrize("mask", HIT)
@pytest.mark.parametrize("name", KEYS)
def test_what_decays_without_a_gradient(name, mask):
    """Two steps at rates 0.1 and 0.05: w (1 - 0.1 d) (1 - 0.05 d), of no momentum.

    LAMB's steps of kernels have the size of the kernels, LARS needs a gradient.
    """
    schedule = cfg.rate("exponential", lr=0.1, decay_rate=0.5)
    values = {"weight_decay": 0.5, "decay_mask": mask, **KEYS[name]}
    section = cfg.ConfigDict(cfg.optimizer(name, schedule=schedule, **values))
    tx, _ = optim.build(section, epochs=9.0, steps_per_epoch=1.0, backbone=["mixed", "depthwise"])
    params = {
        name: {"kernel": jnp.ones(shape), "bias": jnp.ones(8), "bn": {"scale": jnp.ones(8)}}
        for name, shape in SHAPES.items()
    }
    state = tx.init(params)
    with jax.numpy_dtype_promotion("standard"):
        for _ in range(2):
            updates, state = tx.update(jax.tree.map(jnp.zeros_like, params), state, params)
            params = jax.tree.map(jnp.add, params, updates)
    factor = (1 - 0.1 * 0.5) * (1 - 0.05 * 0.5)
    if name == "lars":  # a norm of zero has the ratio 1: SGD with L2, in the momentum
        factor = 1 - 0.05 - 0.9 * 0.05 - 0.05 * 0.5 * 0.95
    adapted = {"kernel": (1 - 0.1) * (1 - 0.05)} if name == "lamb" else {}
    for path, x in jax.tree_util.tree_leaves_with_path(params):
        hit = path[-1].key in HIT[mask] and (mask != "backbone" or path[0].key != "logits")
        want = adapted.get(path[-1].key, factor) if hit else 1.0
        np.testing.assert_allclose(x, want, rtol=1e-5, err_msg=str(path))


def test_lars_by_hand():
    """One step: lr trust |w| / (|g| + decay |w|) (g + decay w); a bias takes a plain step."""
    section = cfg.optimizer(
        "lars", schedule=cfg.rate("constant", lr=2.0), momentum=0.9, trust=0.1, weight_decay=0.5
    )
    tx, _ = optim.build(cfg.ConfigDict(section), epochs=1.0, steps_per_epoch=1.0)
    params = {"a": {"kernel": jnp.asarray([3.0, 4.0]), "bias": jnp.asarray([3.0])}}
    grads = {"a": {"kernel": jnp.asarray([0.0, 2.0]), "bias": jnp.asarray([1.0])}}
    updates, _ = tx.update(grads, tx.init(params), params)
    ratio = 0.1 * 5 / (2 + 0.5 * 5)
    np.testing.assert_allclose(updates["a"]["kernel"], -2 * ratio * np.asarray([1.5, 4.0]), 1e-6)
    np.testing.assert_allclose(updates["a"]["bias"], [-2.0])


@pytest.mark.parametrize("mask", HIT)
@pytest.mark.parametrize("name", ["lamb", "lars"])
def test_the_ratio_is_of_kernels_whatever_decays(name, mask):
    """Where nothing decays much, a step of LAMB and LARS is the same for each mask, by layer."""
    values = {"weight_decay": 1e-9, "decay_mask": mask, **KEYS[name]}
    section = cfg.ConfigDict(cfg.optimizer(name, schedule=cfg.rate("constant", lr=0.1), **values))
    tx, _ = optim.build(section, epochs=1.0, steps_per_epoch=9.0, backbone=["mixed"])
    params = {
        k: {"kernel": jnp.full((4, 4), 3.0), "bias": jnp.full(4, 2.0)} for k in ("mixed", "logits")
    }
    grads = jax.tree.map(lambda x: 0.5 * jnp.ones_like(x), params)
    with jax.numpy_dtype_promotion("standard"):
        updates, _ = tx.update(grads, tx.init(params), params)
    kernel, bias = {"lamb": (0.3, 0.1), "lars": (0.1 * 0.001 * 3.0, 0.05)}[name]
    for layer in updates.values():
        np.testing.assert_allclose(layer["kernel"], -kernel, rtol=1e-5)
        np.testing.assert_allclose(layer["bias"], -bias, rtol=1e-5)
