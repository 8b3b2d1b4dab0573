"""The tiny network's train step on any mesh, for the tests of what wraps `train_step`."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from inception_jax import config as cfg
from inception_jax.runtime import mesh as meshes
from inception_jax.train import augmentation, optim, sharded_step, state
from inception_jax.train.sharded_step import RUN
from tests.tiny import Tiny, batch, double

LOSS = ConfigDict(cfg.loss(label_smoothing=0.1, aux_weight=0.3, l2=1e-4))


def augmenting(model, *, flip=True, colour="none", seed=3, **section):
    """An augmentation; `section` has keys of the config's section."""
    options = dict(model=model, flip=flip, colour=colour, seed=seed)
    return partial(augmentation.augment, section=ConfigDict(cfg.augment(**section)), **options)


def rmsprop(lr=0.1):
    """An optimiser with two slots for each parameter."""
    return optim.tf_rmsprop(lr, decay=0.9, momentum=0.9, eps=1.0)


def random_like(shapes, seed=0):
    """Weights for a tree of shapes: normal kernels, scales and variances of one, zeros."""
    rng = np.random.default_rng(seed)

    def leaf(path, shape):
        if path[-1].key == "kernel":
            fan_in = np.prod(shape.shape[:-1])
            return jnp.asarray(rng.normal(size=shape.shape) * fan_in**-0.5, jnp.float32)
        return jnp.full(shape.shape, path[-1].key in ("scale", "var"), jnp.float32)

    return jax.tree_util.tree_map_with_path(leaf, dict(shapes))


def fresh(mesh, *, model=Tiny(), tx=None, zero=False, ema=True, dtype="float32"):  # noqa: B008
    """A network's state at step 0 on the mesh; nothing is compiled, unlike by `state.create`."""
    image = jax.ShapeDtypeStruct((model.bn_group or 1, 8, 8, 3), model.dtype)
    weights = random_like(jax.eval_shape(model.init, jax.random.key(0), image))
    params, stats = weights["params"], weights["batch_stats"]
    averages = {"params": params, "batch_stats": stats} if ema else {}
    tx = tx or rmsprop()
    new = state.TrainState(jnp.int32(0), params, stats, tx.init(params), averages)
    new = double(new) if dtype == "float64" else new
    return jax.device_put(jax.tree.map(jnp.copy, new), state.places(new, mesh, zero))


def setup(
    devices=1, model_axis=1, *, kind=Tiny, dtype="float32", bn_group=0, dropout=0.0, drop_path=0.0,
    lr=0.1, tx=None, loss=LOSS, colour="slim", augment=None, **options,
):  # fmt: skip
    """A fresh state, its train step, and the mesh of `devices` x `model_axis`."""
    rates = {"dropout": dropout, "drop_path": drop_path}
    model = kind(dtype=jnp.dtype(dtype), bn_group=bn_group, **rates)
    mesh = meshes.make(devices, model_axis)
    fields = dict(seed=3, ema_decay=0.9, accumulate=1) | options
    augment = augmenting(model, colour=colour, **(augment or {}))
    tx = tx or rmsprop(lr)
    step = sharded_step.make_train_step(
        model, tx, lambda s: 0.1, mesh, loss=loss, augment=augment, **fields
    )
    zero, ema = fields.get("zero", False), fields["ema_decay"] > 0
    return fresh(mesh, model=model, tx=tx, zero=zero, ema=ema, dtype=dtype), step, mesh


def train(count=3, images=16, **options):
    """The state and the losses after `count` steps on random batches."""
    current, step, mesh = setup(**options)
    losses = []
    for i in range(count):
        current, metrics = step(current, put(mesh, images, seed=i))
        losses.append(float(metrics["loss"]))
    return jax.tree.map(np.asarray, current), losses


def put(mesh, images=16, seed=0, **more):
    """A random batch on the mesh."""
    return meshes.put({**batch(images, seed=seed), **more}, meshes.batch(mesh))


def with_signal(mesh, signal):
    """A batch in which the sixth of eight devices sends a signal."""
    signals = np.where(np.arange(8) == 5, signal, RUN).astype(np.int32)
    return put(mesh, signal=signals)


def close(a, b, tolerance):
    """Every leaf is equal to within a tolerance relative to the leaf's largest entry."""
    for (path, x), y in zip(
        jax.tree_util.tree_leaves_with_path(a), jax.tree.leaves(b), strict=True
    ):
        np.testing.assert_allclose(
            x, y, rtol=tolerance, atol=tolerance * max(1.0, np.abs(x).max()), err_msg=str(path)
        )
