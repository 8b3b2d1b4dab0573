"""Small states to save, on any mesh, and the steps of them."""

import json

import jax
import jax.numpy as jnp
import numpy as np

from inception_jax.checkpoint import Checkpoints, manifest
from inception_jax.runtime import mesh as meshes
from inception_jax.workdir import run_id


def state(seed, mesh=None):
    """A tree like a training state: several parts, types and sizes, one array with nothing in it.

    Of `mesh`, the large array is split over the model axis.
    """
    rng = np.random.default_rng(seed)

    def random(*shape):
        return rng.normal(size=shape).astype(np.float32)

    tree = {
        "step": np.int32(seed),
        "params": {"conv0": {"kernel": random(3, 3, 64, 128)}, "logits": {"bias": random(7)}},
        "batch_stats": {"conv0": {"mean": random(128), "none": random(0, 4)}},
        "opt_state": ({"nu": random(3, 3, 64, 128), "count": np.int32(seed)}, ()),
        "ema": {"params": {"conv0": {"kernel": random(3, 3, 64, 128).astype(jnp.bfloat16)}}},
    }
    mesh = mesh or meshes.make(1, 1)
    return jax.tree.map(jax.device_put, tree, meshes.split(mesh, tree))


def shapes(like, mesh=None):
    """The shapes of a state, on a mesh."""
    places = meshes.split(mesh or meshes.make(1, 1), like)
    return jax.tree.map(
        lambda x, place: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), like, places
    )


def steps(directory, *numbers, **options):
    """Saves `state(step)` for each; the directory's steps are then these."""
    directory.mkdir(parents=True, exist_ok=True)
    saves = Checkpoints(directory, **{"keep": 10, **options})
    for step in numbers:
        saves.save(step, state(step), {"step": step})
    saves.close()


def small(workdir, *numbers):
    """Steps of one file, for what reads no arrays."""
    run = run_id.ensure(workdir, new=True)
    for step in numbers:
        folder = workdir / "checkpoints" / str(step)
        folder.mkdir(parents=True)
        (folder / "file").write_text("1")
        manifest.write(folder, run, step)


def same(a, b):
    """Whether two trees are equal, bit by bit."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in pairs)


def flip(path, bit=1000):
    """Flips one bit of a file."""
    data = bytearray(path.read_bytes())
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    path.write_bytes(data)


def signed(step, /, **changes):
    """Changes values of a step's manifest, with a new sha256 of it, as a forger would."""
    value = {**json.loads((step / manifest.NAME).read_text()), **changes}
    value.pop("sha256")
    (step / manifest.NAME).write_text(manifest._text(value))


def array_file(step):
    """A file with numbers in it: the largest."""
    return max((p for p in step.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
