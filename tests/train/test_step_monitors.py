"""Tests the monitors of the train step: no cost when off, no change of the training when on."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from inception_jax.models import block_monitors
from inception_jax.runtime import mesh as meshes
from inception_jax.train import sharded_step, state
from tests.tiny import TinyResidual, batch, double

LOSS = ConfigDict(dict(label_smoothing=0.1, aux_weight=0.3, l2=1e-4))


def setup(devices=1, dtype="float32", accumulate=1, monitors=True):
    """A fresh state of TinyResidual, its step and a batch of 16 on `devices`."""
    model, mesh = TinyResidual(dtype=jnp.dtype(dtype), bn_group=2), meshes.make(devices)
    tx = optax.sgd(0.1, momentum=0.9)
    fresh = state.create(model=model, tx=tx, mesh=mesh, image_size=8, seed=0, ema=True)
    fields = dict(flip=True, colour="none", seed=3, ema_decay=0.9, accumulate=accumulate)
    step = sharded_step.make_train_step(
        model, tx, lambda s: 0.1, mesh, loss=LOSS, monitors=monitors, **fields
    )
    # Channels that fire in every image, in some, and in none.
    up = fresh.params["block"]["2"]["up"]
    up["bias"] = -jnp.linspace(0, 20, 8)
    fresh = double(fresh) if dtype == "float64" else fresh
    return fresh, step, meshes.put(batch(16), meshes.batch(mesh))


def train(count=3, **options):
    """The state after `count` steps, and the last metrics."""
    current, step, images = setup(**options)
    for _ in range(count):
        current, metrics = step(current, images)
    return jax.device_get((current, metrics))


def test_unasked_they_are_not_in_the_program(monkeypatch):
    """Without monitors the step is, to the letter, that of a network that cannot note anything."""

    def program(monitors):
        fresh, step, images = setup(monitors=monitors)
        return step.lower(fresh, images).as_text()

    asked, unasked = program(True), program(False)
    for function in ("residual", "rectified", "row"):
        monkeypatch.setattr(block_monitors, function, lambda *args: None)
    assert unasked == program(False)
    assert asked != unasked


def test_they_change_nothing():
    """Three steps with and without them: the same bits in the state and in every other metric."""
    with_them, metrics = train()
    without, fewer = train(monitors=False)
    assert set(metrics.pop("monitors")) == {"residual_ratio", "dead_relu", "grad_norm"}
    pairs = zip(
        jax.tree.leaves((with_them, metrics)), jax.tree.leaves((without, fewer)), strict=True
    )
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_gradient_norms_are_those_of_the_blocks():
    """Squared and added up over the blocks they are the whole gradient's norm, squared."""
    _, metrics = train(1)
    norms = metrics["monitors"]["grad_norm"]
    assert set(norms) == {"conv1", "block_1", "block_2", "last", "logits"}
    assert sum(v**2 for v in norms.values()) == pytest.approx(metrics["grad_norm"] ** 2, rel=1e-5)
    assert {v.dtype for v in jax.tree.leaves(metrics)} == {np.dtype("float32")}


def test_one_and_eight_devices_agree(float64):
    """Every number is that of the whole batch: 1 and 8 devices agree to 1e-6."""
    one, eight = (train(1, devices=n, dtype="float64")[1]["monitors"] for n in (1, 8))
    assert 0 < one["dead_relu"]["block_2"] < 1
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), one, eight)


def test_with_microbatches(float64):
    """Gradient norms are the whole batch's; what blocks note is the mean over the microbatches."""
    whole = train(1, dtype="float64")[1]["monitors"]
    parts = train(1, dtype="float64", accumulate=2)[1]["monitors"]
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6),
        whole["grad_norm"],
        parts["grad_norm"],
    )
    model = TinyResidual(dtype=jnp.dtype("float64"), bn_group=2)
    fresh, _, images = setup(dtype="float64")
    pixels = sharded_step.augment(
        images["image"], fresh.step, model=model, flip=True, colour="none", seed=3
    )

    @jax.jit
    def noted(part):
        asked = {"mutable": ["batch_stats", block_monitors.COLLECTION], "train": True}
        new = model.apply(fresh.variables, part, **asked)[1]
        return block_monitors.by_kind(new[block_monitors.COLLECTION])

    assert parts["residual_ratio"] != whole["residual_ratio"]
    halves = jax.device_get([noted(pixels[:8]), noted(pixels[8:])])
    mean = jax.tree.map(lambda a, b: (a + b) / 2, *halves)
    for kind, blocks in mean.items():
        for block, value in blocks.items():
            assert parts[kind][block] == pytest.approx(value, rel=1e-6), (kind, block)
