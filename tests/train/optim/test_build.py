"""Tests the optimisers that `optim.build` makes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from inception_jax import config as cfg
from inception_jax.train import optim


def test_rmsprop_equals_tensorflows(float64):
    """100 steps equal tf.train.RMSPropOptimizer's update, written out in NumPy, to 1e-12."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=(4, 3))
    rates = lambda step: 0.045 * 0.94 ** (step // 10)  # noqa: E731
    tx = optim.tf_rmsprop(rates, decay=0.9, momentum=0.9, eps=1.0)
    params = jnp.asarray(w)
    opt_state = tx.init(params)
    ms, mom = np.ones_like(w), np.zeros_like(w)
    for step in range(100):
        g = rng.normal(size=w.shape) * 3
        ms = 0.9 * ms + 0.1 * g * g
        mom = 0.9 * mom + rates(step) * g / np.sqrt(ms + 1.0)
        w = w - mom
        updates, opt_state = tx.update(jnp.asarray(g), opt_state, params)
        params = optax.apply_updates(params, updates)
        np.testing.assert_allclose(params, w, rtol=1e-12, atol=1e-12)


def test_optax_defaults_are_another_optimiser():
    """Epsilon and initial value matter: optax's own defaults take a step ten times as large."""
    g = jnp.full((2,), 0.1)
    ours = optim.tf_rmsprop(0.1, decay=0.9, momentum=0.0, eps=1.0)
    theirs = optax.rmsprop(0.1, decay=0.9)
    a, b = (tx.update(g, tx.init(g), g)[0] for tx in (ours, theirs))
    assert float(b[0] / a[0]) > 10


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam", "adamw"])
def test_every_optimiser_clips_the_global_norm(name):
    """With clip, a gradient a thousand times too large moves the parameters as the clipped one."""
    schedule = cfg.cosine(lr=0.1, warmup_epochs=0.0)
    section = cfg.ConfigDict(cfg.sgd(schedule=schedule, momentum=0.0))
    section.update(name=name, clip=2.0, decay=0.9, eps=1e-8)
    tx, _ = optim.build(section, epochs=2.0, steps_per_epoch=10.0)
    params = {"layer": {"kernel": jnp.ones(4), "bias": jnp.ones(4)}}
    grads = jax.tree.map(lambda x: 1000 * x, params)
    unit = jax.tree.map(lambda x: x * 2 / jnp.sqrt(8.0), params)
    with jax.numpy_dtype_promotion("standard"):  # optax's Adam raises a float to an integer's power
        moves = [tx.update(g, tx.init(params), params)[0] for g in (grads, unit)]
    for a, b in zip(*map(jax.tree.leaves, moves), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_muon_orthogonalises_convolutions():
    """A kernel's update has equal singular values, of Adam's size; a bias moves as with Adam."""
    section = cfg.ConfigDict(
        cfg.muon(schedule=cfg.cosine(lr=0.1, warmup_epochs=0.0), momentum=0.95)
    )
    tx, _ = optim.build(section, epochs=2.0, steps_per_epoch=1000.0)
    keys = jax.random.split(jax.random.key(0))
    params = {"conv": {"kernel": jnp.zeros((3, 3, 8, 16)), "bias": jnp.zeros(16)}}
    grads = {
        "conv": {
            "kernel": jax.random.normal(keys[0], (3, 3, 8, 16)) * jnp.arange(1.0, 17.0),
            "bias": jax.random.normal(keys[1], (16,)),
        }
    }
    with jax.numpy_dtype_promotion("standard"):
        updates, _ = tx.update(grads, tx.init(params), params)
    kernel = np.asarray(updates["conv"]["kernel"])
    values = np.linalg.svd(kernel.reshape(72, 16), compute_uv=False)
    assert values.max() / values.min() < 2  # of the gradient: above 10
    assert 0.7 < np.sqrt((kernel**2).mean()) / (0.2 * 0.1) < 1.3
    sizes = np.abs(updates["conv"]["bias"])  # one, whatever the gradient; above 0.1 by Nesterov
    assert sizes.max() / sizes.min() < 1.01 and 0.1 < sizes.max() < 0.2


@pytest.mark.parametrize("make", [cfg.adamw, partial(cfg.muon, momentum=0.95)])
def test_decoupled_decay_is_of_every_kernel_alone(make):
    """With a zero gradient, kernels of any shape shrink alike and biases and gammas stay."""
    section = cfg.ConfigDict(make(schedule=cfg.cosine(lr=0.1, warmup_epochs=0.0), weight_decay=0.5))
    tx, _ = optim.build(section, epochs=2.0, steps_per_epoch=10.0)
    shapes = {"conv": (3, 3, 4, 8), "depthwise": (3, 3, 1, 8), "logits": (8, 10)}
    params = {
        name: {"kernel": jnp.ones(shape), "bias": jnp.ones(8), "bn": {"scale": jnp.ones(8)}}
        for name, shape in shapes.items()
    }
    with jax.numpy_dtype_promotion("standard"):
        updates, _ = tx.update(jax.tree.map(jnp.zeros_like, params), tx.init(params), params)
    for path, x in jax.tree_util.tree_leaves_with_path(updates):
        np.testing.assert_allclose(x, -0.05 if path[-1].key == "kernel" else 0, atol=1e-6)


def test_muon_leaves_depthwise_kernels_to_adam():
    """Filters of one channel each are no matrix: each number moves by the rate, as with Adam."""
    section = cfg.ConfigDict(
        cfg.muon(schedule=cfg.cosine(lr=0.1, warmup_epochs=0.0), momentum=0.95)
    )
    tx, _ = optim.build(section, epochs=2.0, steps_per_epoch=1000.0)
    params = {"depthwise": {"kernel": jnp.zeros((3, 3, 1, 64))}}
    grads = jax.tree.map(lambda x: jax.random.normal(jax.random.key(0), x.shape), params)
    with jax.numpy_dtype_promotion("standard"):
        updates, _ = tx.update(grads, tx.init(params), params)
    sizes = np.abs(updates["depthwise"]["kernel"])
    assert sizes.max() / sizes.min() < 1.01 and 0.1 < sizes.max() < 0.2


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adamw"])
@pytest.mark.parametrize("factor", [0.0, 0.1])
def test_the_backbone_learns_slower_or_not_at_all(name, factor):
    """The backbone's update is scaled; a frozen one does not count in the clipped norm."""
    rng = np.random.default_rng(0)
    params = {k: {"kernel": jnp.asarray(rng.normal(size=(4, 4)))} for k in ("stem", "logits")}
    grads = jax.tree.map(lambda x: 3 * x, params)
    steps = {}
    for backbone_lr in (1.0, factor):
        section = cfg.sgd(
            schedule=cfg.cosine(lr=0.1, warmup_epochs=0.0),
            momentum=0.9,
            clip=1.0,
            backbone_lr=backbone_lr,
        ) | {
            "name": name,
            "decay": 0.9,
            "eps": 1.0,
            "weight_decay": 0.1 if name == "adamw" else 0.0,
        }
        c = cfg.ConfigDict(section)
        tx, _ = optim.build(c, epochs=1.0, steps_per_epoch=10.0, backbone=["stem"])
        with jax.numpy_dtype_promotion("standard"):  # optax's Adam raises a float to a count
            steps[backbone_lr], _ = tx.update(grads, tx.init(params), params)
    whole, slow = steps[1.0], steps[factor]
    np.testing.assert_allclose(slow["stem"]["kernel"], factor * whole["stem"]["kernel"], rtol=1e-6)
    if factor:
        np.testing.assert_allclose(slow["logits"]["kernel"], whole["logits"]["kernel"], rtol=1e-6)
    elif name == "sgd":
        norm = jnp.linalg.norm(slow["logits"]["kernel"])
        np.testing.assert_allclose(norm, 0.1 * 1.0, rtol=1e-6)


def test_units_are_clipped_below_the_classifiers():
    """With `agc` a unit's step has at most that share of its weights' norm; logits are free."""
    section = cfg.optimizer("sgd", schedule=cfg.rate("constant", lr=1.0), agc=0.01)
    tx, _ = optim.build(
        cfg.ConfigDict(section), epochs=1.0, steps_per_epoch=1.0, backbone=["mixed"]
    )
    params = {k: {"kernel": jnp.asarray([[3.0, 1.0], [4.0, 0.0]])} for k in ("mixed", "logits")}
    grads = {k: {"kernel": jnp.asarray([[30.0, 0.005], [40.0, 0.0]])} for k in params}
    updates, _ = tx.update(grads, tx.init(params), params)
    want = [[-0.03, -0.005], [-0.04, 0.0]]
    np.testing.assert_allclose(updates["mixed"]["kernel"], want, rtol=1e-5)
    np.testing.assert_allclose(updates["logits"]["kernel"], -grads["logits"]["kernel"])


def test_rates_of_rows_multiply():
    """`layer_decay` by depth, `backbone_lr` on all rows; the classifiers learn at lr."""
    section = cfg.optimizer(
        "sgd", schedule=cfg.rate("constant", lr=1.0), layer_decay=0.5, backbone_lr=0.1
    )
    rows = ("stem", "pool", "mixed")
    tx, _ = optim.build(cfg.ConfigDict(section), epochs=1.0, steps_per_epoch=1.0, backbone=rows)
    params = {k: {"kernel": jnp.ones(1)} for k in ("stem", "mixed", "logits")}
    updates, _ = tx.update(params, tx.init(params), params)
    got = {k: float(v["kernel"][0]) for k, v in updates.items()}
    assert got == pytest.approx({"stem": -0.025, "mixed": -0.05, "logits": -1.0})
