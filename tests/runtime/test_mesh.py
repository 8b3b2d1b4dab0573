"""Tests the mesh of devices and the shardings on it, on eight virtual devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from inception_jax.errors import ConfigError
from inception_jax.runtime import mesh as meshes


def shape(*sizes):
    return jax.ShapeDtypeStruct(sizes, jnp.float32)


@pytest.mark.parametrize(
    ("data", "model", "expected"),
    [(-1, 1, (8, 1)), (-1, 2, (4, 2)), (2, 3, (2, 3)), (1, 1, (1, 1))],
)
def test_make(data, model, expected):
    """-1 takes the devices that `model` leaves."""
    mesh = meshes.make(data, model)
    assert (mesh.shape["data"], mesh.shape["model"]) == expected
    assert meshes.shards(mesh) == expected[0]


@pytest.mark.parametrize(("data", "model"), [(9, 1), (4, 3), (-1, 16)])
def test_too_many_devices(data, model):
    """The message has both keys and the number of devices."""
    with pytest.raises(ConfigError, match=r"mesh\.data=.* x --config\.mesh\.model=.* 8 devices"):
        meshes.make(data, model)


@pytest.mark.parametrize(
    ("leaf", "spec", "zero"),
    [
        (shape(3, 3, 64, 128), P(None, None, None, "model"), P(None, None, "data", "model")),
        (shape(128, 130), P(None, "model"), P("data", "model")),
        (shape(100, 100), P(), P()),  # small
        (shape(129, 129), P(), P()),  # not divisible
        (shape(), P(), P()),
        (shape(2**15), P("model"), P(("model", "data"))),
    ],
)
def test_split(leaf, spec, zero):
    """The largest divisible axis over `model`; with `zero` the largest that is left over `data`."""
    mesh = meshes.make(4, 2)
    assert meshes.split(mesh, leaf).spec == spec
    assert meshes.split(mesh, leaf, zero=True).spec == zero


def test_local_bytes():
    """A replicated leaf counts in full, a sharded one by its shard."""
    mesh = meshes.make(4, 2)
    leaves = {"large": shape(128, 256), "small": shape(10)}
    shardings = meshes.split(mesh, leaves, zero=True)
    tree = jax.tree.map(
        lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), leaves, shardings
    )
    assert meshes.local_bytes(tree) == 4 * (128 * 256 // 8 + 10)


def test_scattered_and_gathered_keep_the_values():
    """Only the sharding changes."""
    mesh, x = meshes.make(4, 2), jnp.arange(2.0**15).reshape(128, 256)
    scattered = jax.jit(lambda x: meshes.scattered({"x": x}, mesh))(x)
    assert scattered["x"].sharding.spec == P("data", "model")
    gathered = meshes.gathered(scattered, mesh)["x"]
    assert gathered.sharding.spec == P(None, "model")
    assert np.array_equal(gathered, x)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_mean_over_devices(dtype):
    """Each device has its shard of the batch; gradients are summed in `dtype`."""
    mesh = meshes.make(4, 2)

    def compute(state, batch, key):
        return {"w": state * batch.sum()}, {"first": batch[0]}

    step = jax.jit(meshes.mean_over_devices(compute, mesh, jnp.dtype(dtype)))
    batch = meshes.put(np.arange(8.0, dtype=np.float32), meshes.batch(mesh))
    grads, rest = step(jnp.float32(2), batch, jax.random.key(0))
    assert grads["w"].dtype == jnp.float32 and float(grads["w"]) == 2 * 28 / 4
    assert float(rest["first"]) == 3.0  # of 0, 2, 4 and 6
