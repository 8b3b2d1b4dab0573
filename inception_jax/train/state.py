"""The training state: its fields, initial values and shardings."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax.sharding import Mesh

from inception_jax import models
from inception_jax.runtime import mesh as meshes
from inception_jax.runtime import xla_options


@struct.dataclass
class TrainState:
    """Everything a step reads and writes.

    Attributes:
        step: steps done, int32.
        params: float32 trees by layer name.
        batch_stats: BatchNorm's moving averages.
        opt_state: optax's.
        ema: {'params', 'batch_stats'} averaged over steps, or empty when it is off.
    """

    step: jax.Array
    params: Any
    batch_stats: Any
    opt_state: Any
    ema: Any

    @property
    def variables(self) -> dict[str, Any]:
        """The current parameters and statistics, for `model.apply`."""
        return {"params": self.params, "batch_stats": self.batch_stats}

    @property
    def averaged(self) -> dict[str, Any]:
        """The variables to evaluate: the moving average if there is one, else `variables`."""
        return self.ema or self.variables


def create(
    *,
    mesh: Mesh,
    zero: bool = False,
    start: dict[str, Any] | None = None,
    like: TrainState | None = None,
    **fields: Any,
) -> TrainState:
    """A fresh state, laid out on the mesh; otherwise as `abstract`.

    `start` has arrays by path that replace the fresh leaves (fine-tuning), see `finetune`;
    `like` is what `abstract` gave for the same fields, to spare its work.
    """
    like = like or abstract(mesh=mesh, zero=zero, **fields)
    drawn = models.init(fields["model"], fields["seed"], fields["image_size"])
    # NumPy's arrays: those of one device may not enter a program of many processes.
    given = jax.device_get(_replaced(drawn, start or {}))
    build = jax.jit(
        lambda variables: _state(variables, fields["tx"], fields["ema"]),
        out_shardings=jax.tree.map(lambda leaf: leaf.sharding, like),
        compiler_options=xla_options.once(),
    )
    return build(given)


def abstract(*, mesh: Mesh, zero: bool = False, **fields: Any) -> TrainState:
    """The state as shapes, each with its sharding (see `places`); nothing is allocated.

    Raises:
        ImageTooSmallError: the image is below the network's minimum; the layer is named.
    """

    def shapes_of() -> TrainState:
        model, size = fields["model"], fields["image_size"]
        images = jnp.zeros((model.bn_group or 1, size, size, model.channels), model.dtype)
        variables = model.init(jax.random.key(fields["seed"]), images)
        return _state(variables, fields["tx"], fields["ema"])

    shapes = jax.eval_shape(shapes_of)
    return jax.tree.map(
        lambda x, place: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place),
        shapes,
        places(shapes, mesh, zero),
    )


def places(tree: TrainState, mesh: Mesh, zero: bool) -> TrainState:
    """Where each leaf lives: with `zero` (ZeRO-1, arXiv:1910.02054) the optimiser's and the
    averages', which only the update touches, are spread over the data devices too.
    """  # noqa: D205
    whole, spread = partial(meshes.split, mesh), partial(meshes.split, mesh, zero=zero)
    return TrainState(
        step=whole(tree.step),
        params=whole(tree.params),
        batch_stats=whole(tree.batch_stats),
        opt_state=spread(tree.opt_state),
        ema=spread(tree.ema),
    )


def _replaced(variables: Mapping[str, Any], start: Mapping[str, Any]) -> Any:
    """The variables with the arrays of `start`, by path, in place of their own."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: start.get(jax.tree_util.keystr(path), leaf), dict(variables)
    )


def _state(variables: Mapping[str, Any], tx: optax.GradientTransformation, ema: bool) -> TrainState:
    """The state at step 0; `ema`: whether averages are kept."""
    params, stats = variables["params"], variables.get("batch_stats", {})
    averages = {"params": params, "batch_stats": stats} if ema else {}
    return TrainState(jnp.zeros((), jnp.int32), params, stats, tx.init(params), averages)
