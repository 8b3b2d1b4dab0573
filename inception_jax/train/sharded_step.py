"""The train step on a mesh: one jitted program, made of `train_step` and what wraps it.

From the inside out: `gradient` (recomputation, monitors), accumulation, the reduction between
devices, ZeRO-1; around the step: a teacher, augmentation, metrics, signals, where the state is.
"""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from inception_jax.models import Network, block_monitors, preprocess
from inception_jax.models.lowering import forms, ops, parameters
from inception_jax.runtime import mesh as meshes
from inception_jax.runtime import xla_options
from inception_jax.train.accumulation import accumulated
from inception_jax.train.losses import objective
from inception_jax.train.optim.loss_scale import scaled, with_loss_scale
from inception_jax.train.recalibration import recalibration_step
from inception_jax.train.sam import sharpness_aware
from inception_jax.train.state import TrainState, places
from inception_jax.train.train_step import (
    Batch,
    Gradient,
    Metrics,
    Objective,
    gradient,
    train_step,
)

Array = jax.Array
Step = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]

BESIDE_IMAGES = ("teacher", "count")  # of a batch: `with_teacher`, `recalibration_step`
RUN, STOP, SKIP = 0, 1, 2  # signals: go on; stop after the next step; this step does not count


def make_train_step(
    model: Network,
    tx: optax.GradientTransformation,
    rate: Callable[[Any], Any],
    mesh: Mesh,
    *,
    loss: Any,
    augment: Callable[[Batch, Array], Batch],
    seed: int,
    ema_decay: float,
    accumulate: int,
    zero: bool = False,
    reduce_dtype: str = "",
    monitors: bool = False,
    recompute: str = "none",
    vmem: int = 0,
    inherited: Collection[str] = (),
    teacher: Network | None = None,
    recalibrates: bool = False,
    sam: float = 0.0,
    loss_scale: float = 0.0,
) -> Step:
    """(state, batch) -> (state, metrics): one program over the mesh; the state is donated.

    The batch has image [b, s, s, c] and label int32 [b], split over `data`; optionally signal
    int32 [shards], see `with_signals`. Every metric is a mean over the batch, float32 at least.
    Randomness is a function of (seed, step, position in the batch).

    `rate` is the learning rate by step, a metric; `loss` the config's section; `augment` makes the
    network's batch of a batch and a step (`augmentation.of`); `recompute` is one of
    `remat.POLICIES`. `zero` shards optimiser state and averages over the data axis (ZeRO-1).
    `accumulate` and `reduce_dtype`: see `batch_gradient`; `monitors`: see `with_metrics`; `vmem`:
    see `xla_options.training`; `inherited`: see `average_statistics`; `teacher`: see
    `with_teacher`; `sam`: see `sharpness_aware`, 0 is off; `loss_scale`: whether the optimiser has
    one, see `optim.loss_scale`. With `recalibrates` it is the `recalibration_step`, whose batch has
    its `count`.
    """
    monitors = monitors and not recalibrates
    sam, loss_scale = (0.0, 0.0) if recalibrates else (sam, loss_scale)
    grad = batch_gradient(
        mesh, accumulate, zero, reduce_dtype, monitors, recompute, sam, loss_scale > 0
    )
    minimised = _minimised(loss, model)
    step: Step = partial(
        train_step, model=model, tx=tx, objective=minimised, gradient=grad, ema_decay=ema_decay,
        seed=seed, inherited=inherited,
    )  # fmt: skip
    if recalibrates:
        step = partial(
            recalibration_step, model=model, objective=minimised, gradient=grad, seed=seed
        )
    if teacher:
        step = with_teacher(step, teacher, model, mesh)
    step = with_augmentation(step, augment)
    step = with_loss_scale(step) if loss_scale else step
    step = step if recalibrates else with_metrics(step, rate, monitors)
    step = with_signals(step)
    step = on_mesh(step, mesh, zero=zero, dtype=ops.wide(model.dtype), whole=not reduce_dtype)
    options = xla_options.training(mesh.devices.flat[0], vmem)
    return jax.jit(step, donate_argnums=0, compiler_options=options)


def _minimised(loss: Any, model: Network) -> Objective:
    """The objective of a config's `loss` section."""
    return partial(
        objective,
        name=loss.name,
        smoothing=loss.label_smoothing,
        threshold=loss.target_threshold,
        delta=loss.delta,
        margin=loss.margin,
        scale=loss.scale,
        aux_weight=loss.aux_weight,
        weight_of_l2=loss.l2,
        l2_biases=model.switches.l2_biases,
        without_l2=model.without_l2,
        teacher_weight=loss.teacher_weight,
        temperature=loss.temperature,
    )


def batch_gradient(
    mesh: Mesh, accumulate: int, zero: bool, reduce_dtype: str, monitors: bool, recompute: str,
    sam: float = 0.0, loss_scale: bool = False,
) -> Gradient:  # fmt: skip
    """The gradient over a batch that the devices of `mesh` share, in `accumulate` microbatches.

    With `reduce_dtype` the devices' gradients are added in it, which needs BatchNorm's groups
    within a device's images; empty leaves that to the partitioner: the dtype of the computation.
    """
    grad: Gradient = partial(gradient, monitors=monitors, recompute=recompute)
    grad = scaled(grad) if loss_scale else grad
    grad = accumulated(grad, accumulate, 1 if reduce_dtype else meshes.shards(mesh))
    if reduce_dtype:
        grad = reduced(grad, mesh, reduce_dtype)
    grad = sharpness_aware(grad, sam) if sam else grad
    return scattered(grad, mesh) if zero else grad


def reduced(grad: Gradient, mesh: Mesh, dtype: str) -> Gradient:
    """`grad` on each device's own images, then the mean over devices, added in `dtype`."""

    def over_devices(model: Any, objective: Any, state: Any, batch: Any, key: Array) -> Any:
        local = partial(grad, model, objective)
        return meshes.mean_over_devices(local, mesh, dtype)(state, batch, key)

    return over_devices


def scattered(grad: Gradient, mesh: Mesh) -> Gradient:
    """`grad`, of which each device keeps what its shard of the optimiser state needs (ZeRO-1)."""

    def scatter(*args: Any) -> Any:
        grads, rest = grad(*args)
        return meshes.scattered(grads, mesh), rest

    return scatter


def with_augmentation(step: Step, augment: Callable[[Batch, Array], Batch]) -> Step:
    """`step`, given the batch as it was read."""

    def augmented(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        others = {k: batch[k] for k in BESIDE_IMAGES if k in batch}
        return step(state, {**augment(batch, state.step), **others})

    return augmented


def with_teacher(step: Step, teacher: Network, student: Network, mesh: Mesh) -> Step:
    """`step` whose batch has the logits of a `teacher` at evaluation, instead of its variables.

    It sees the student's augmented images, with its own normalisation.
    """

    def taught(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        images = preprocess.converted(batch["image"], student, teacher)
        with forms.for_mesh(mesh):
            logits = teacher.apply(batch["teacher"], images, train=False).logits
        return step(state, {**batch, "teacher": logits})

    return taught


def with_metrics(step: Step, rate: Callable[[Any], Any], monitors: bool) -> Step:
    """`step` whose metrics have the gradient's norm and the learning rate.

    The rate is that of the run's step; the optimiser's is behind by the steps that a loss scale
    skipped.
    With `monitors` they also have that entry, {kind: {block: scalar}}: `block_monitors`' (of the
    whole batch, or the mean over its parts), and the norm of each block's gradient (with L2,
    before clipping).
    """

    def measured(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        new, metrics = step(state, batch)
        grads = metrics.pop("gradient")
        metrics |= {"grad_norm": parameters.norm(grads), "lr": jnp.asarray(rate(state.step))}
        if monitors:
            norms = {name: optax.tree.norm(g) for name, g in block_monitors.blocks(grads)}
            metrics["monitors"] |= {"grad_norm": norms}
        return new, metrics

    return measured


def with_signals(step: Step) -> Step:
    """`step` by which processes agree to stop, where the batch has `signal`, int32 [shards].

    The metrics have the maximum of all processes' signals; from SKIP on the state is unchanged.
    """

    def signalled(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        new, metrics = step(state, {k: v for k, v in batch.items() if k != "signal"})
        if "signal" not in batch:
            return new, metrics
        signal = batch["signal"].max()
        skip = signal >= SKIP
        new = jax.tree.map(lambda old, x: jnp.where(skip, old, x), state, new)
        return new, {**metrics, "signal": signal}

    return signalled


def on_mesh(step: Step, mesh: Mesh, *, zero: bool, dtype: Any, whole: bool) -> Step:
    """`step` whose state stays where `state.places` has it, and whose metrics are of one dtype.

    `whole`: the network is traced on the whole batch, not on each device's own images.
    """
    replicated = not zero and mesh.shape[meshes.MODEL] == 1

    def placed_step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        with forms.for_mesh(mesh, whole, replicated):
            new, metrics = step(state, batch)
            new = meshes.constrain(new, places(new, mesh, zero))
            return new, jax.tree.map(lambda x: x.astype(dtype), metrics)

    placed_step.__name__ = placed_step.__qualname__ = "train_step"  # the program's name in profiles
    return placed_step
