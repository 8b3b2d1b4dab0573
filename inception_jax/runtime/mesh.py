"""The mesh of devices and the shardings on it; axis names appear only here."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from inception_jax.errors import ConfigError

DATA, MODEL = "data", "model"
# Elements below which an array is replicated: 98% of every network's parameters are in larger ones,
# which makes 1/7 of the bytes on each of 8 devices; with 65,536 it would be 94% of googlenet's.
SMALLEST = 2**14


def make(data: int = -1, model: int = 1, devices: Sequence[Any] | None = None) -> Mesh:
    """Make a mesh of `data` x `model` devices; `data=-1`: all that `model` leaves.

    Raises:
        ConfigError: the devices do not suffice, or parameters would be split across hosts.
    """
    devices = jax.devices() if devices is None else devices
    # A process's devices are adjacent, so that its slice of the batch is contiguous.
    devices = sorted(devices, key=lambda d: (d.process_index, d.id))
    data = len(devices) // model if data == -1 else data
    if (
        data < 1
        or data * model > len(devices)
        or (jax.process_count() > 1 and data * model != len(devices))
    ):
        raise ConfigError(
            f"--config.mesh.data={data} x --config.mesh.model={model}: expected at most the "
            f"{len(devices)} devices of this job"
        )
    if jax.process_count() > 1 and jax.local_device_count() % model:
        raise ConfigError(
            f"--config.mesh.model={model}: expected a divisor of {jax.local_device_count()}, the "
            f"devices of one process: parameters are not split across hosts"
        )
    return Mesh(np.asarray(devices[: data * model]).reshape(data, model), (DATA, MODEL))


def shards(mesh: Mesh) -> int:
    """The number of shards of a batch."""
    return mesh.shape[DATA]


def batch(mesh: Mesh) -> NamedSharding:
    """The sharding of a batch: split over the first axis."""
    return NamedSharding(mesh, PartitionSpec(DATA))


def replicated(mesh: Mesh) -> NamedSharding:
    """The sharding of an array that every device has as a whole."""
    return NamedSharding(mesh, PartitionSpec())


def split(mesh: Mesh, shapes: Any, *, zero: bool = False) -> Any:
    """The shardings of a state's leaves: over `model` along the largest axis that it divides.

    With `zero` also over `data`, along the largest remaining axis, so that a device's shard is part
    of its shard without. Leaves of fewer than 16,384 elements, and leaves without an axis that is
    divisible, are replicated.
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
        while names and not names[-1]:  # as JAX writes shardings of outputs: equal, so traced once
            names.pop()
        return NamedSharding(mesh, PartitionSpec(*names))

    return jax.tree.map(rule, shapes)


def constrain(tree: Any, shardings: Any) -> Any:
    """Inside jit: constrain each leaf to its sharding."""
    return jax.tree.map(jax.lax.with_sharding_constraint, tree, shardings)


def scattered(grads: Any, mesh: Mesh) -> Any:
    """Inside jit: scatter gradients like the optimiser state with `zero`.

    They are gathered first: with the final sharding alone, the TPU's partitioner computes a
    kernel's gradient in slices of a few channels, in a loop over the devices.
    """
    return constrain(constrain(grads, split(mesh, grads)), split(mesh, grads, zero=True))


def gathered(tree: Any, mesh: Mesh) -> Any:
    """Gather over `data` what `zero` has split, as a step reads its parameters."""
    return jax.device_put(tree, split(mesh, tree))


def local_bytes(tree: Any) -> int:
    """Bytes that one device has of arrays, given as shapes with shardings."""

    def one(leaf: Any) -> int:
        return math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize

    return sum(map(one, jax.tree.leaves(tree)))


def put(tree: Any, sharding: NamedSharding) -> Any:
    """Make global arrays of this process's slices of a batch."""
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), tree)


def mean_over_devices(
    compute: Callable[..., tuple[Any, Any]], mesh: Mesh, dtype: Any
) -> Callable[..., tuple[Any, Any]]:
    """Wrap `compute(state, batch, key) -> (gradient, rest)`.

    Each device of the `data` axis computes on its own shard of the batch; the results are means
    over them. Gradients are summed in `dtype`, in one collective that no partitioner changes.
    """
    num_shards = shards(mesh)

    def on_shard(state: Any, batch: Any, key: Any) -> tuple[Any, Any]:
        grads, rest = compute(state, batch, key)
        narrow = jax.tree.map(lambda g: g.astype(dtype), grads)
        summed = jax.lax.platform_dependent(narrow, cpu=_sum_widened, default=_sum)
        grads = jax.tree.map(lambda s, g: s.astype(g.dtype) / num_shards, summed, grads)
        return grads, jax.lax.pmean(rest, DATA)

    replicated = PartitionSpec()
    return jax.shard_map(
        on_shard,
        mesh=mesh,
        in_specs=(replicated, PartitionSpec(DATA), replicated),
        out_specs=replicated,
        axis_names={DATA},
        check_vma=False,  # else JAX sums the gradients itself, in the dtype of the computation
    )


def _sum(tree: Any) -> Any:
    return jax.lax.psum(tree, DATA)


def _sum_widened(tree: Any) -> Any:
    """A sum in float32: XLA's CPU compiler aborts on a 16-bit one in a shard_map."""
    wide = jax.tree.map(lambda x: x.astype(jnp.float32) if x.dtype.itemsize < 4 else x, tree)
    total = _sum(wide)
    return jax.tree.map(lambda s, x: s.astype(x.dtype), total, tree)
