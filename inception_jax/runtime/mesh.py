"""The mesh of devices and where every array lives on it; axis names are written here only."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from inception_jax.errors import ConfigError

DATA, MODEL = "data", "model"
# Elements below which an array is not split. Above are 98% of every network's parameters, which
# 1/7 of the bytes on 8 devices takes; above 65,536 would be 94% of googlenet's.
SMALLEST = 2**14


def make(data: int = -1, model: int = 1, devices: Sequence[Any] | None = None) -> Mesh:
    """A mesh of `data` x `model` of the devices (all there are if not given); `data=-1`: the rest.

    Raises:
        ConfigError: the devices there are do not make such a mesh.
    """
    devices = jax.devices() if devices is None else devices
    # A process's devices side by side: its slice of the batch is then one run of examples.
    devices = sorted(devices, key=lambda d: (d.process_index, d.id))
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


def split(mesh: Mesh, shapes: Any, *, zero: bool = False) -> Any:
    """Shardings of the leaves of a state: over `model` along the largest axis that it divides.

    With `zero` then over `data` too, along the largest axis of what is left, so that a device's
    part is a part of its part without. Leaves of fewer than 16,384 elements are replicated, and
    so is, over a mesh axis, what has no axis that it divides.
    """

    def rule(leaf: Any) -> NamedSharding:
        left = list(leaf.shape)
        names: list[tuple[str, ...]] = [()] * len(left)
        for name in (MODEL, DATA) if zero else (MODEL,):
            num_shards = mesh.shape[name]
            axes = [i for i, n in enumerate(left) if n % num_shards == 0]
            if num_shards == 1 or leaf.size < SMALLEST or not axes:
                continue
            axis = max(axes, key=left.__getitem__)
            left[axis] //= num_shards
            names[axis] += (name,)
        while names and not names[-1]:  # as JAX writes what a step returns: equal, so traced once
            names.pop()
        return NamedSharding(mesh, PartitionSpec(*names))

    return jax.tree.map(rule, shapes)


def constrain(tree: Any, places: Any) -> Any:
    """Inside jit: the leaves, each where `places` has it."""
    return jax.tree.map(jax.lax.with_sharding_constraint, tree, places)


def scattered(grads: Any, mesh: Mesh) -> Any:
    """Inside jit: gradients, of which each device keeps what its part of the optimiser needs.

    They are made whole first: told only where they end, the TPU's partitioner computes a kernel's
    gradient in slices of a few channels, in a loop around the devices.
    """
    return constrain(constrain(grads, split(mesh, grads)), split(mesh, grads, zero=True))


def gathered(tree: Any, mesh: Mesh) -> Any:
    """Arrays as a step reads its parameters: what `zero` had spread over `data` is whole again."""
    return jax.device_put(tree, split(mesh, tree))


def local_bytes(tree: Any) -> int:
    """What one device has of arrays, given as shapes with shardings."""

    def one(leaf: Any) -> int:
        return math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize

    return sum(map(one, jax.tree.leaves(tree)))


def put(tree: Any, sharding: NamedSharding) -> Any:
    """This process's slices of a batch as global arrays."""
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), tree)


def mean_over_devices(
    compute: Callable[..., tuple[Any, Any]], mesh: Mesh, dtype: Any
) -> Callable[..., tuple[Any, Any]]:
    """`compute(state, batch, key, (i, n)) -> (gradient, rest)` by the i-th of n parts of the batch.

    Each device of the `data` axis computes on its own part; the results are means over them. The
    gradients are added up in `dtype`, in one collective that no partitioner moves or retypes.
    """
    num_shards = shards(mesh)

    def part(state: Any, batch: Any, key: Any) -> tuple[Any, Any]:
        grads, rest = compute(state, batch, key, (jax.lax.axis_index(DATA), num_shards))
        narrow = jax.tree.map(lambda g: g.astype(dtype), grads)
        summed = jax.lax.platform_dependent(narrow, cpu=_sum_widened, default=_sum)
        grads = jax.tree.map(lambda s, g: s.astype(g.dtype) / num_shards, summed, grads)
        return grads, jax.lax.pmean(rest, DATA)

    whole = PartitionSpec()
    return jax.shard_map(
        part,
        mesh=mesh,
        in_specs=(whole, PartitionSpec(DATA), whole),
        out_specs=whole,
        axis_names={DATA},
        check_vma=False,  # else JAX adds the gradients up itself, in the dtype of the computation
    )


def _sum(tree: Any) -> Any:
    return jax.lax.psum(tree, DATA)


def _sum_widened(tree: Any) -> Any:
    """As XLA's CPU compiler would widen a 16-bit sum, had it not aborted on one in a shard_map."""
    wide = jax.tree.map(lambda x: x.astype(jnp.float32) if x.dtype.itemsize < 4 else x, tree)
    total = _sum(wide)
    return jax.tree.map(lambda s, x: s.astype(x.dtype), total, tree)
