"""The training state: its fields, initial values and shardings."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax.sharding import Mesh

from inception_jax.models import Network
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
    build = jax.jit(
        lambda given: _fresh(given, **fields),
        out_shardings=jax.tree.map(lambda leaf: leaf.sharding, like),
        compiler_options=xla_options.once(),
    )
    return build(start or {})


def abstract(*, mesh: Mesh, zero: bool = False, **fields: Any) -> TrainState:
    """The state as shapes, each with its sharding (see `places`); nothing is allocated.

    Raises:
        ImageTooSmallError: the image is below the network's minimum; the layer is named.
    """
    shapes = jax.eval_shape(lambda: _fresh({}, **fields))
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


def _fresh(
    start: dict[str, Any],
    *,
    model: Network,
    tx: optax.GradientTransformation,
    image_size: int,
    seed: int,
    ema: bool,
) -> TrainState:
    """`ema`: whether averages are kept."""
    shape = (model.bn_group or 1, image_size, image_size, model.channels)
    images = jnp.zeros(shape, model.dtype)
    variables = {"batch_stats": {}, **model.init(jax.random.key(seed), images)}
    variables = jax.tree_util.tree_map_with_path(
        lambda path, leaf: start.get(jax.tree_util.keystr(path), leaf), variables
    )
    params, stats = variables["params"], variables["batch_stats"]
    averages = {"params": params, "batch_stats": stats} if ema else {}
    return TrainState(jnp.zeros((), jnp.int32), params, stats, tx.init(params), averages)
