"""What training carries from step to step, and how it starts: by shape, then sharded."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax.sharding import Mesh

from inception_jax import mesh as meshes
from inception_jax.models import Network


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
        """What is evaluated: the average where there is one, else `variables`."""
        return self.ema or self.variables


def create(
    model: Network,
    tx: optax.GradientTransformation,
    mesh: Mesh,
    *,
    image_size: int,
    seed: int,
    ema: bool,
    start: Any = None,
) -> TrainState:
    """A fresh state, laid out on the mesh.

    Args:
        model: gives the parameters' shapes.
        tx: gives the optimiser's.
        mesh: devices.
        image_size: side of the square images in pixels.
        seed: of the initialisers.
        ema: whether averages are kept.
        start: a tree of arrays like `variables` that replaces the fresh leaves of the same path and
            shape (fine-tuning).

    Raises:
        ImageTooSmallError: the image is below the network's minimum; the layer is named.
    """

    def fresh(start: Any) -> TrainState:
        images = jnp.zeros((model.bn_group or 1, image_size, image_size, 3), model.dtype)
        variables = dict(model.init(jax.random.key(seed), images))
        variables = {"batch_stats": {}, **variables}
        if start is not None:
            variables = jax.tree_util.tree_map_with_path(
                lambda path, leaf: start.get(jax.tree_util.keystr(path), leaf), variables
            )
        params, stats = variables["params"], variables["batch_stats"]
        averages = {"params": params, "batch_stats": stats} if ema else {}
        return TrainState(jnp.zeros((), jnp.int32), params, stats, tx.init(params), averages)

    shapes = jax.eval_shape(fresh, start)
    return jax.jit(fresh, out_shardings=meshes.state(mesh, shapes))(start)


def same_leaves(shapes: Any, found: Any) -> tuple[dict[str, Any], list[str], list[str]]:
    """Which leaves of `found` fit into `shapes`: taken by path, fresh paths, unused paths."""
    leaves = jax.tree_util.tree_leaves_with_path
    have = {jax.tree_util.keystr(p): x for p, x in leaves(found)}
    want = {jax.tree_util.keystr(p): x for p, x in leaves(shapes)}
    taken = {k: have[k] for k, x in want.items() if k in have and have[k].shape == x.shape}
    return taken, [k for k in want if k not in taken], [k for k in have if k not in taken]
