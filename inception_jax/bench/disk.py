"""A checkpoint's speed beside the disk's own: saved whole, verified and restored, cold."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from inception_jax.checkpoint import Checkpoints

T = TypeVar("T")
BLOCK = 16 << 20


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
    return {"save_s": wrote, "restore_s": took}


def ours(folder: Path, shapes: Any, full: Any) -> dict[str, float]:
    """Seconds to save a state and to restore it cold; the parts that `_s` of these have too.

    `save_s` is from the call to the named step, manifest included; for `blocked_s` of it a training
    thread waits. `restore_s` has `verify_s` in it, in which every sha256 is compared.
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
    restored = {"restore_s": verified + read, "verify_s": verified}
    return {"save_s": saved, "blocked_s": blocked, **restored}


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
