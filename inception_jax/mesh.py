"""The mesh of devices and where every array lives on it; axis names are written here only."""

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from inception_jax.errors import ConfigError

DATA, MODEL = "data", "model"
SMALLEST = 2**16  # elements below which splitting a parameter costs more than it saves


def make(data: int = -1, model: int = 1) -> Mesh:
    """A mesh of `data` x `model` devices; `data=-1` takes all that are left.

    Raises:
        ConfigError: the devices there are do not make such a mesh.
    """
    # A process's devices side by side: its slice of the batch is then one run of examples.
    devices = sorted(jax.devices(), key=lambda d: (d.process_index, d.id))
    data = len(devices) // model if data == -1 else data
    if (
        data < 1
        or data * model > len(devices)
        or (jax.process_count() > 1 and data * model != len(devices))
    ):
        raise ConfigError(
            f"--config.mesh.data={data} x --config.mesh.model={model}: expected at most the "
            f"{len(devices)} devices there are"
        )
    if jax.process_count() > 1 and jax.local_device_count() % model:
        raise ConfigError(
            f"--config.mesh.model={model}: expected a divisor of {jax.local_device_count()}, the "
            f"devices of one process: parameters are not split across hosts"
        )
    return Mesh(np.asarray(devices[: data * model]).reshape(data, model), (DATA, MODEL))


def shards(mesh: Mesh) -> int:
    """Over how many devices the batch is split."""
    return mesh.shape[DATA]


def batch(mesh: Mesh) -> NamedSharding:
    """Split over the first axis: what every array of a batch is."""
    return NamedSharding(mesh, PartitionSpec(DATA))


def replicated(mesh: Mesh) -> NamedSharding:
    """The same on every device."""
    return NamedSharding(mesh, PartitionSpec())


def state(mesh: Mesh, shapes: Any) -> Any:
    """Shardings of a state's leaves: split over `model` along the largest axis it divides.

    Leaves of fewer than 65,536 elements, and all leaves of a mesh with one model device, are
    replicated.
    """
    ways = mesh.shape[MODEL]

    def rule(leaf: Any) -> NamedSharding:
        axes = [i for i, n in enumerate(leaf.shape) if n % ways == 0]
        if ways == 1 or leaf.size < SMALLEST or not axes:
            return replicated(mesh)
        axis = max(axes, key=lambda i: leaf.shape[i])
        return NamedSharding(mesh, PartitionSpec(*[None] * axis, MODEL))

    return jax.tree.map(rule, shapes)


def put(tree: Any, sharding: NamedSharding) -> Any:
    """This process's slices of a batch as global arrays."""
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), tree)


def constrain_to_batch(tree: Any, mesh: Mesh) -> Any:
    """Inside jit: keeps the first axis of every leaf split over the devices."""
    return jax.tree.map(lambda x: jax.lax.with_sharding_constraint(x, batch(mesh)), tree)
