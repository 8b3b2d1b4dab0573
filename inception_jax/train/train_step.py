"""The train and the eval step: pure functions of state and batch, jitted over the mesh."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from inception_jax.data.images import distort
from inception_jax.eval.metrics import rank
from inception_jax.models import Network, block_monitors, preprocess
from inception_jax.models.lowering import forms, ops, remat
from inception_jax.runtime import mesh as meshes
from inception_jax.runtime import xla_options
from inception_jax.train.losses import objective
from inception_jax.train.state import TrainState, places

Array = jax.Array
Metrics = dict[str, Any]

RUN, STOP, SKIP = 0, 1, 2  # go on; stop after the next step; this step does not count


def make_train_step(
    model: Network,
    tx: optax.GradientTransformation,
    rate: Callable[[Any], Any],
    mesh: Mesh,
    *,
    loss: Any,
    flip: bool,
    colour: str,
    seed: int,
    ema_decay: float,
    accumulate: int,
    zero: bool = False,
    reduce_dtype: str = "",
    monitors: bool = False,
    recompute: str = "none",
    vmem: int = 0,
) -> Callable[[TrainState, Any], tuple[TrainState, Metrics]]:
    """(state, batch) -> (state, metrics): one program over the mesh; the state is donated.

    The batch has image uint8 [b, s, s, 3] and label int32 [b], split over `data`. Every metric is a
    mean over it, in float32 at least. Randomness is a function of (seed, step, position in the
    batch). With `accumulate` microbatches the gradient and BatchNorm's averages are those of the
    whole batch, as long as BatchNorm's groups lie within a microbatch.

    A batch may have `signal`, int32 [shards], by which processes tell one another what to do: the
    metrics have its maximum, and from SKIP on the state stays as it was.

    The state stays where `state.places` puts it, with `zero` or without. The devices add up their
    gradients in the dtype `reduce_dtype`, if BatchNorm's groups lie within a device's images; empty
    leaves that to the partitioner, which adds kernels' in the dtype of the computation.

    With `monitors` the metrics have that entry too, {kind: {block: number}}: what the blocks note
    (`models.notes`), over the whole batch or, with microbatches or `reduce_dtype`, as the mean of
    its
    parts; and the norm of each block's gradient, L2's share included and before clipping. The state
    is the same.

    `recompute` says what is computed again for the backward pass instead of kept, one of
    `models.remat.POLICIES`; `vmem`, what a TPU's compiler may use (`compiler.training`).
    """
    minimise = partial(
        objective,
        smoothing=loss.label_smoothing,
        aux_weight=loss.aux_weight,
        weight_of_l2=loss.l2,
        l2_biases=model.switches.l2_biases,
    )
    prepare = partial(prepare_images, model=model, flip=flip, colour=colour, seed=seed)
    differentiate = partial(gradient, model, minimise, monitors=monitors, recompute=recompute)

    def over_batch(state: TrainState, batch: Any, key: Array, num_shards: int) -> tuple[Any, Any]:
        """The gradient, and (statistics, terms), of a batch that `num_shards` devices have."""
        if accumulate == 1:
            return differentiate(state, batch, key)
        return mean_over(
            lambda part, i: differentiate(state, part, jax.random.fold_in(key, i)),
            microbatches(batch, accumulate, num_shards),
            accumulate,
        )

    def local_gradients(
        state: TrainState, batch: Any, key: Array, part: tuple[Any, int]
    ) -> tuple[Any, Any]:
        with ops.part_of_batch(*part):
            return over_batch(state, batch, key, 1)

    def step(state: TrainState, batch: Any) -> tuple[TrainState, Metrics]:
        with forms.for_mesh(mesh, whole_batch=not reduce_dtype):
            return traced(state, batch)

    def traced(state: TrainState, batch: Any) -> tuple[TrainState, Metrics]:
        signal = batch.get("signal")
        batch = {"image": prepare(batch["image"], state.step), "label": batch["label"]}
        key = jax.random.fold_in(jax.random.key(seed + 1), state.step)
        if reduce_dtype:
            grads, (stats, terms) = meshes.mean_over_devices(local_gradients, mesh, reduce_dtype)(
                state, batch, key
            )
        else:
            grads, (stats, terms) = over_batch(state, batch, key, meshes.shards(mesh))
        if zero:
            grads = meshes.scattered(grads, mesh)
        updates, opt_state = tx.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        new = TrainState(
            step=state.step + 1,
            params=params,
            batch_stats=stats,
            opt_state=opt_state,
            ema=average(state, {"params": params, "batch_stats": stats}, ema_decay),
        )
        more = {"grad_norm": optax.tree.norm(grads), "lr": jnp.asarray(rate(state.step))}
        if monitors:
            norms = {name: optax.tree.norm(part) for name, part in block_monitors.blocks(grads)}
            terms["monitors"] |= {"grad_norm": norms}
        if signal is not None:
            more["signal"] = signal.max()
            void = more["signal"] >= SKIP
            new = jax.tree.map(lambda a, b: jnp.where(void, a, b), state, new)
        new = meshes.constrain(new, places(new, mesh, zero))
        kept = ops.wide(model.dtype)  # float32, or float64 throughout
        return new, jax.tree.map(lambda x: x.astype(kept), {**terms, **more})

    options = xla_options.training(mesh.devices.flat[0], vmem)
    return jax.jit(step, donate_argnums=0, compiler_options=options)


def gradient(
    model: Network,
    minimise: Callable[..., Any],
    state: TrainState,
    batch: Any,
    key: Array,
    monitors: bool = False,
    recompute: str = "none",
) -> tuple[Any, tuple[Any, Metrics]]:
    """The gradient of `minimise(output, labels, params)`, (BatchNorm's new averages, the terms)."""

    def run(params: Any) -> tuple[Array, tuple[Any, Metrics]]:
        output, new = model.apply(
            {"params": params, "batch_stats": state.batch_stats},
            batch["image"],
            train=True,
            mutable=["batch_stats", *([block_monitors.COLLECTION] if monitors else [])],
            rngs={"dropout": key},
        )
        total, terms = minimise(output, batch["label"], params)
        place = rank(output.logits, batch["label"])
        hits = {"top1": (place < 1).mean(), "top5": (place < 5).mean()}
        if monitors:
            hits["monitors"] = block_monitors.by_kind(new[block_monitors.COLLECTION])
        return total, (new.get("batch_stats", {}), {**terms, **hits})

    return jax.grad(remat.wrap(run, recompute), has_aux=True)(state.params)


def prepare_images(
    images: Array, step: Array, *, model: Network, flip: bool, colour: str, seed: int
) -> Array:
    """uint8 [b, s, s, 3] to the augmented, normalised input of the train step."""
    if not flip and colour == "none":
        return preprocess.as_input(images, model)
    pixels_dtype = ops.wide(model.dtype)
    keys = distort.image_keys(seed, step, images.shape[0])
    pixels = distort.augment(images.astype(pixels_dtype) / 255, keys, flip=flip, colour=colour)
    return preprocess.normalised(pixels, model)


@jax.jit
def finite(tree: Any) -> Array:
    """Whether every number of a tree of arrays is finite. A step's loss is of what it began with.

    So only this says that what a step left behind may be saved.
    """
    floats = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return jnp.stack([jnp.isfinite(x).all() for x in floats]).all()


def average(state: TrainState, new: Any, decay: float) -> Any:
    """The averages after a step; the decay ramps as min(decay, (1 + step) / (10 + step)).

    The ramp is that of TensorFlow's ExponentialMovingAverage with `num_updates`, which Inception's
    code has; without it a short run would evaluate its first weights.
    """
    if not state.ema:
        return state.ema
    t = state.step.astype(jnp.float32)
    keep = jnp.minimum(decay, (1 + t) / (10 + t))
    return jax.tree.map(lambda a, x: a + (1 - keep).astype(a.dtype) * (x - a), state.ema, new)


def microbatches(batch: Any, count: int, num_shards: int) -> Any:
    """Leaves [b, ...] as [count, b / count, ...], each device keeps its own images.

    Microbatch i takes the i-th part of every device's slice, so nothing moves between devices and
    BatchNorm's groups of consecutive images stay whole.
    """

    def split(x: Array) -> Array:
        parts = x.reshape(num_shards, count, -1, *x.shape[1:]).swapaxes(0, 1)
        return parts.reshape(count, -1, *x.shape[1:])

    return jax.tree.map(split, batch)


def mean_over(compute: Callable[[Any, Array], Any], parts: Any, count: int) -> Any:
    """Mean of `compute(part, i)` over the leading axis of `parts`, one part at a time."""
    first = jax.tree.map(lambda x: x[0], parts)
    zero = jax.tree.map(
        lambda s: jnp.zeros(s.shape, s.dtype),
        jax.eval_shape(compute, first, jnp.zeros((), jnp.int32)),
    )

    def body(total: Any, item: Any) -> tuple[Any, None]:
        part, i = item
        return jax.tree.map(jnp.add, total, compute(part, i)), None

    total, _ = jax.lax.scan(body, zero, (parts, jnp.arange(count)))
    return jax.tree.map(lambda x: x / count, total)
