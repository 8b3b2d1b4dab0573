"""Tests `sharded_step.with_metrics`: monitors cost nothing when off, and change no training."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from inception_jax.models import block_monitors
from inception_jax.runtime import mesh as meshes
from inception_jax.train import sharded_step
from tests.tiny import TinyResidual, double
from tests.train.steps import LOSS, augmenting, fresh, put


def setup(devices=1, dtype="float32", accumulate=1, monitors=True):
    """A state of TinyResidual, its step, and a batch of 16 on `devices`."""
    model, mesh = TinyResidual(dtype=jnp.dtype(dtype), bn_group=2), meshes.make(devices)
    tx = optax.sgd(0.1, momentum=0.9)
    state = fresh(mesh, model=model, tx=tx)
    # Channels that fire in every image, in some, and in none.
    up = state.params["block"]["2"]["up"]
    up["bias"] = -jnp.linspace(0, 20, 8, device=up["bias"].sharding)
    step = sharded_step.make_train_step(
        model, tx, lambda s: 0.1, mesh, loss=LOSS, monitors=monitors, augment=augmenting(model),
        seed=3, ema_decay=0.9, accumulate=accumulate,
    )  # fmt: skip
    return double(state) if dtype == "float64" else state, step, put(mesh)


@functools.cache
def train(count=3, **options):
    """The state after `count` steps, and the metrics of the first and the last one."""
    current, step, images = setup(**options)
    metrics = []
    for _ in range(count):
        current, values = step(current, images)
        metrics.append(values)
    return jax.device_get((current, metrics[0], metrics[-1]))


def test_without_monitors_the_program_is_unchanged(monkeypatch):
    """Its text is that of a network that cannot record anything."""

    def program(monitors):
        fresh, step, images = setup(monitors=monitors)
        return step.lower(fresh, images).as_text()

    with_monitors, without = program(True), program(False)
    for function in ("residual", "rectified", "row"):
        monkeypatch.setattr(block_monitors, function, lambda *args: None)
    assert without == program(False)
    assert with_monitors != without


@pytest.mark.slow
def test_training_is_the_same():
    """Three steps with and without monitors: the same bits in state and all other metrics."""
    monitored, _, metrics = train()
    state, _, fewer = train(monitors=False)
    assert set(metrics["monitors"]) == {"residual_ratio", "dead_relu", "grad_norm"}
    metrics = {k: v for k, v in metrics.items() if k != "monitors"}
    assert jax.tree.all(jax.tree.map(np.array_equal, (monitored, metrics), (state, fewer)))


def test_gradient_norms_are_those_of_the_blocks():
    """The sum of their squares is the square of the whole gradient's norm."""
    _, metrics, _ = train()
    norms = metrics["monitors"]["grad_norm"]
    assert set(norms) == {"conv1", "block_1", "block_2", "last", "logits"}
    assert sum(v**2 for v in norms.values()) == pytest.approx(metrics["grad_norm"] ** 2, rel=1e-5)
    assert {v.dtype for v in jax.tree.leaves(metrics)} == {np.dtype("float32")}


@pytest.mark.slow
def test_one_and_eight_devices_agree(float64):
    """Each monitor is that of the whole batch: 1 and 8 devices agree to 1e-6."""
    one, eight = (train(1, devices=n, dtype="float64")[1]["monitors"] for n in (1, 8))
    assert 0 < one["dead_relu"]["block_2"] < 1
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), one, eight)


@pytest.mark.slow
def test_with_microbatches(float64):
    """Gradient norms are the whole batch's; all others are means over the microbatches."""
    whole = train(1, devices=1, dtype="float64")[1]["monitors"]
    parts = train(1, dtype="float64", accumulate=2)[1]["monitors"]
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6),
        whole["grad_norm"],
        parts["grad_norm"],
    )
    model = TinyResidual(dtype=jnp.dtype("float64"), bn_group=2)
    fresh, _, images = setup(dtype="float64")
    pixels = augmenting(model)(images, fresh.step)["image"]

    @jax.jit
    def monitors_of(part):
        options = {"mutable": ["batch_stats", block_monitors.COLLECTION], "train": True}
        new = model.apply(fresh.variables, part, **options)[1]
        return block_monitors.by_kind(new[block_monitors.COLLECTION])

    assert parts["residual_ratio"] != whole["residual_ratio"]
    halves = jax.device_get([monitors_of(pixels[:8]), monitors_of(pixels[8:])])
    mean = jax.tree.map(lambda a, b: (a + b) / 2, *halves)
    for kind, blocks in mean.items():
        for block, value in blocks.items():
            assert parts[kind][block] == pytest.approx(value, rel=1e-6), (kind, block)
