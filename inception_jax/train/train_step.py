"""The train step: a pure function of state and batch. `sharded_step` puts it on a mesh."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from inception_jax.models import Network, block_monitors
from inception_jax.models.lowering import ops, parameters, remat
from inception_jax.train.state import TrainState

Array = jax.Array
Batch = dict[str, Any]  # arrays; `label` may be `MixedLabels`
Metrics = dict[str, Any]
# (output, labels, params) -> the scalar to minimise and its terms: `losses.objective`.
Objective = Callable[..., tuple[Array, Metrics]]
# (model, objective, state, batch, key) -> gradient of params, (statistics, metrics).
Gradient = Callable[..., tuple[Any, tuple[Any, Metrics]]]


def gradient(
    model: Network,
    objective: Objective,
    state: TrainState,
    batch: Batch,
    key: Array,
    *,
    monitors: bool = False,
    recompute: str = "none",
) -> tuple[Any, tuple[Any, Metrics]]:
    """The gradient of the objective, and (BatchNorm's new averages, the metrics).

    Args:
        model: the network; with `bn_decay=0` the new averages are the batch's own statistics.
        objective: (output, labels, params) -> (scalar, its terms).
        state: gives params and batch_stats.
        batch: image [b, h, w, 3], the network's input, or features, that of its `boundary`; label
            int32 [b] or `MixedLabels`, and place int32 [b], of each in the whole batch; optionally
            teacher [b, classes], its logits, and weight [b], a factor on each image's loss.
        key: of dropout.
        monitors: whether the metrics get an entry `monitors`, {kind: {block: scalar}}.
        recompute: which activations are recomputed in the backward pass, see `remat.POLICIES`.
    """
    stored = "features" in batch
    x = batch["features"] if stored else batch["image"]
    collections = ["batch_stats", *([block_monitors.COLLECTION] if monitors else [])]

    def loss(params: Any) -> tuple[Array, tuple[Any, Metrics]]:
        output, new = model.apply(
            {"params": params, "batch_stats": state.batch_stats},
            x,
            train=True,
            from_boundary=stored,
            mutable=collections,
            rngs={"dropout": key},
        )
        given = {k: batch[k] for k in ("teacher", "weight") if k in batch}
        total, metrics = objective(output, batch["label"], params, **given)
        if monitors:
            metrics["monitors"] = block_monitors.by_kind(new[block_monitors.COLLECTION])
        return total, (new.get("batch_stats", {}), metrics)

    with ops.places_in_batch(batch["place"]):
        return jax.grad(remat.wrap(loss, recompute), has_aux=True)(state.params)


def train_step(
    state: TrainState,
    batch: Batch,
    *,
    model: Network,
    tx: optax.GradientTransformation,
    objective: Objective,
    gradient: Gradient = gradient,
    ema_decay: float = 0.0,
    seed: int = 0,
    inherited: Collection[str] = (),
) -> tuple[TrainState, Metrics]:
    """Gradient, update, averages: (state, batch) -> (state, metrics), each a mean over the batch.

    `batch` and `gradient` as in `gradient`, which gets the places, `inherited` as in
    `average_statistics`. Dropout is a function of (seed, step, place). The metrics have the
    gradient itself too, as `gradient`, for what measures it.
    """
    count = len(jax.tree.leaves(batch["label"])[0])
    batch = {**batch, "place": jnp.arange(count)}
    key = jax.random.fold_in(jax.random.key(seed + 1), state.step)
    measuring = model.clone(bn_decay=0.0)
    grads, (measured, metrics) = gradient(measuring, objective, state, batch, key)
    batch_stats = average_statistics(state, measured, model, inherited)
    grads = parameters.in_layout(grads)
    updates, opt_state = tx.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    new = TrainState(
        step=state.step + 1,
        params=params,
        batch_stats=batch_stats,
        opt_state=opt_state,
        ema=average(state, {"params": params, "batch_stats": batch_stats}, ema_decay, model.frozen),
    )
    return new, {**metrics, "gradient": grads}


def average_statistics(
    state: TrainState, measured: Any, model: Network, inherited: Collection[str]
) -> Any:
    """BatchNorm's moving averages after a step on a batch with the statistics `measured`.

    The decay ramps as min(decay, t / (9 + t)), as `average`'s: the averages are of the steps seen,
    mostly of the latest ninth, and have nothing of the initial 0 and 1, of which 0.9997^1000 keeps
    74%. (Adam's correction weighs all steps alike, which lags behind the weights of a short run.) A
    long run has the plain moving average. `inherited` are paths of averages that the run did not
    start itself (`checkpoint.init`), by `keystr`: these move at the plain rate.
    """
    if not model.switches.norm:
        return state.batch_stats
    plain = 1 - model.switches.norm.decay
    rate = jnp.maximum(plain, 9 / (9 + state.step.astype(jnp.float32))) if plain else 0.0

    def moved(path: Any, old: Array, new: Array) -> Array:
        name = f"['batch_stats']{jax.tree_util.keystr(path)}"
        by = plain if name in inherited else rate
        return old + jnp.asarray(by, old.dtype) * (new - old)

    return jax.tree_util.tree_map_with_path(moved, state.batch_stats, measured)


def average(
    state: TrainState, new: Mapping[str, Any], decay: float, frozen: Collection[str] = ()
) -> Any:
    """The moving averages after a step; the decay ramps as min(decay, (1 + step) / (10 + step)).

    The ramp is that of TensorFlow's ExponentialMovingAverage with `num_updates`, which Inception's
    code has; without it a short run would evaluate its first weights. Layers that are `frozen`,
    the first keys of each collection, are their own average.
    """
    if not state.ema:
        return state.ema
    t = state.step.astype(jnp.float32)
    keep = jnp.minimum(decay, (1 + t) / (10 + t))

    def moved(a: Array, x: Array) -> Array:
        return a + (1 - keep).astype(a.dtype) * (x - a)

    def layers(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v if k in frozen else jax.tree.map(moved, v, new[k]) for k, v in old.items()}

    return {collection: layers(old, new[collection]) for collection, old in state.ema.items()}


@jax.jit
def finite(tree: Any) -> Array:
    """Whether every number of a tree of arrays is finite.

    A step's loss is that of the weights it began with: only this shows whether the weights that it
    left may be saved.
    """
    floats = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return jnp.stack([jnp.isfinite(x).all() for x in floats]).all()
