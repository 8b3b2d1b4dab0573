r"""Time saving and restoring a large state against the disk's own speed; rounds are interleaved.

    python experiments/checkpoints/speed.py /tmp/speed --rounds=5

The state is Inception-ResNet-v2's (slim, with heads) with RMSProp, momentum and averages: 0.95 GB
in 2,809 arrays of random numbers. In each round, on the same disk:

- write, read: as many bytes in one file, 16 MB at a time, fsync included; read with a cold cache;
- save: from `save()` to a named step, manifest included; of it, `save()` itself, which the training
  thread waits for;
- restore: `newest_good()` (all sha256) and `restore()`, with a cold cache;
- orbax: the same tree as Orbax alone would save and restore it, nothing hashed;
- v1, v1 packed: the same by Orbax's v1 API, as a tree and as the rows of bytes of `arrays.py`.
"""

import argparse
import os
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
import optax
import orbax.checkpoint as ocp
import orbax.checkpoint.experimental.v1 as v1

from inception_jax import models
from inception_jax.checkpoint import Checkpoints, arrays
from inception_jax.runtime import mesh as meshes
from inception_jax.train import state

T = TypeVar("T")
BLOCK = 16 << 20


def build():
    model = models.create("inception_resnet_v2", num_classes=1001, dialect="slim")
    tx = optax.rmsprop(0.1, momentum=0.9)
    fields = {"model": model, "tx": tx, "mesh": meshes.make(), "image_size": 299, "seed": 0}
    shapes = state.abstract(**fields, ema=True)
    return shapes, filled(shapes)


def orbax(folder, shapes, full):
    def save():
        copies = jax.tree.map(lambda x: x.copy(), full)
        writer.save(folder / "1", args=ocp.args.StandardSave(copies))
        writer.wait_until_finished()

    def restore():
        return jax.block_until_ready(writer.restore(folder / "1", args=restoring))

    restoring = ocp.args.StandardRestore(shapes)
    with ocp.AsyncCheckpointer(ocp.StandardCheckpointHandler()) as writer:
        saved, _ = timed(save)
        cold(folder)
        read, _ = timed(restore)
    return {"orbax save": saved, "orbax restore": read}


def orbax_v1(folder: Path, shapes: Any, full: Any) -> dict[str, float]:
    """Seconds by the v1 API, of the tree and of its rows of bytes, on the host."""
    saved, _ = timed(lambda: v1.save_pytree(folder / "tree", full))
    cold(folder / "tree")
    read, _ = timed(lambda: jax.block_until_ready(v1.load_pytree(folder / "tree", shapes)))
    row = {"v1 save": saved, "v1 restore": read}

    def packed() -> Any:
        _, rows = arrays._packed(arrays.named(full))
        v1.save_pytree(folder / "rows", {k: np.asarray(x) for k, x in rows.items()})

    row["v1 packed save"], _ = timed(packed)
    cold(folder / "rows")
    row["v1 packed restore"], _ = timed(lambda: v1.load_pytree(folder / "rows"))
    return row


def filled(shapes: Any) -> Any:
    """A tree of random arrays of these shapes, where they belong: zeros would flatter a disk."""
    rng = np.random.default_rng(0)

    def fill(x: Any) -> jax.Array:
        random = np.asarray(rng.standard_normal(x.shape, np.float32)).astype(x.dtype)
        return jax.device_put(random, x.sharding)

    return jax.block_until_ready(jax.tree.map(fill, shapes))


def raw(folder: Path, size: int) -> dict[str, float]:
    """Seconds to write `size` bytes to one file, fsync included, and to read them cold."""
    folder.mkdir(parents=True)
    block = os.urandom(BLOCK)

    def write() -> None:
        with (folder / "raw").open("wb") as file:
            for start in range(0, size, BLOCK):
                file.write(block[: size - start])
            file.flush()
            os.fsync(file.fileno())

    def read() -> None:
        buffer = bytearray(BLOCK)
        with (folder / "raw").open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    wrote, _ = timed(write)
    cold(folder)
    took, _ = timed(read)
    return {"save": wrote, "restore": took}


def ours(folder: Path, shapes: Any, full: Any) -> dict[str, float]:
    """Seconds to save a state and to restore it cold.

    `save` is from the call to the named step, manifest included; for `blocked` of it a training
    thread waits. `restore` includes `verify`, in which every sha256 is compared.
    """
    saves = Checkpoints(folder, keep=1)
    began = time.perf_counter()
    blocked, _ = timed(lambda: saves.save(1, full, {}))
    saves.wait()
    saved = time.perf_counter() - began
    cold(folder)
    verified, step = timed(saves.newest_good)
    assert step is not None  # just saved
    read, back = timed(lambda: jax.block_until_ready(saves.restore(step, shapes)[0]))
    saves.close()
    same = jax.tree.map(lambda a, b: bool((np.asarray(a) == np.asarray(b)).all()), full, back)
    assert all(jax.tree.leaves(same))
    return {"save": saved, "blocked": blocked, "restore": verified + read, "verify": verified}


def cold(folder: Path) -> None:
    """Drops the files of a folder from the system's cache, where it can be asked to."""
    for path in (p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def timed(run: Callable[[], T]) -> tuple[float, T]:
    """Seconds of a call, and what it gave."""
    began = time.perf_counter()
    value = run()
    return time.perf_counter() - began, value


def size_of(tree: Any) -> int:
    """Bytes of a tree of arrays or shapes."""
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    flags = parser.parse_args()
    shapes, full = build()
    size = size_of(full)
    print(f"{size:,} bytes in {len(jax.tree.leaves(full)):,} arrays, {os.cpu_count()} cores")
    rounds = []
    for number in range(flags.rounds):
        row = {}
        for name, run in (
            ("disk", lambda f: {"write": (x := raw(f, size))["save"], "read": x["restore"]}),
            ("ours", lambda f: ours(f, shapes, full)),
            ("orbax", lambda f: orbax(f, shapes, full)),
            ("v1", lambda f: orbax_v1(f, shapes, full)),
        ):
            folder = flags.folder.resolve() / name
            shutil.rmtree(folder, ignore_errors=True)
            row |= run(folder)
            shutil.rmtree(folder)
        rounds.append(row)
        print(f"round {number}:", *(f"{k} {v:.2f}" for k, v in row.items()), flush=True)
    print("\nmedian seconds, and the disk's time over it:")
    for key in rounds[0]:
        seconds = statistics.median(r[key] for r in rounds)
        alone = "read" if "restore" in key or key == "verify" else "write"
        ratios = sorted(r[alone] / r[key] for r in rounds)
        share = f"{statistics.median(ratios):.0%} ({ratios[0]:.0%} to {ratios[-1]:.0%})"
        print(f"  {key:14} {seconds:6.2f}   {share}")


if __name__ == "__main__":
    main()
