"""Tests `inception_jax/train/recalibration.py`: BatchNorm's averages measured after training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.models import preprocess
from inception_jax.runtime import mesh as meshes
from tests.tiny import Tiny, batch
from tests.train.steps import close, setup

OPTIONS = dict(dtype="float64", bn_group=2, recalibrates=True)


def measured(count=3, images=16, **options):
    """The state before and after `count` measured batches."""
    current, step, mesh = setup(**OPTIONS, **options)
    # Averages that are far off, and other weights in the moving average.
    stats = jax.tree.map(lambda x: x + 5, current.batch_stats)
    ema = {"params": jax.tree.map(lambda x: 0.9 * x, current.params), "batch_stats": stats}
    ema = jax.tree.map(jnp.copy, ema)  # each is donated
    current = jax.device_put(current.replace(batch_stats=stats, ema=ema), shardings(current))
    before = jax.tree.map(np.asarray, current)
    for i in range(count):
        placed = meshes.put(batch(images, seed=i), meshes.batch(mesh))
        placed["count"] = jax.device_put(jnp.int32(i + 1), meshes.replicated(mesh))
        current, metrics = step(current, placed)
        assert float(metrics["lr"]) == 0 < float(metrics["loss"]) and "grad_norm" not in metrics
    return before, jax.tree.map(np.asarray, current)


def shardings(tree):
    """Where the leaves of a tree are."""
    return jax.tree.map(lambda x: x.sharding, tree)


def test_averages_are_the_mean_of_the_batches_statistics(float64):
    """Of the weights and of their averages, each by its own network; nothing else changes."""
    before, after = measured(colour="none", augment={"flip": False})
    model = Tiny(dtype=jnp.dtype("float64"), bn_group=2, bn_decay=0.0)

    @jax.jit
    def statistics(params, images):
        stats = jax.tree.map(jnp.asarray, before.batch_stats)
        variables = {"params": params, "batch_stats": stats}
        inputs, keys = preprocess.as_input(images, model), {"dropout": jax.random.key(0)}
        return model.apply(variables, inputs, train=True, mutable=["batch_stats"], rngs=keys)[1]

    for params, found in (
        (before.params, after.batch_stats),
        (before.ema["params"], after.ema["batch_stats"]),
    ):
        each = [statistics(params, batch(16, seed=i)["image"])["batch_stats"] for i in range(3)]
        close(jax.tree.map(lambda *x: np.mean(x, axis=0), *each), found, 1e-12)
    for part in ("params", "opt_state"):
        same = jax.tree.map(np.array_equal, getattr(before, part), getattr(after, part))
        assert jax.tree.all(same)
    assert jax.tree.all(jax.tree.map(np.array_equal, before.ema["params"], after.ema["params"]))
    assert after.step == before.step + 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "layout",
    [{"devices": 8}, {"devices": 4, "model_axis": 2, "zero": True, "accumulate": 2,
                      "reduce_dtype": "float64"}],
)  # fmt: skip
def test_on_any_number_of_devices(float64, layout):
    """With flips and dropout: one device and the others agree to 1e-9."""
    one, other = (measured(2, dropout=0.4, colour="none", **more)[1] for more in ({}, layout))
    close(one, other, 1e-9)
