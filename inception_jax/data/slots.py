"""Memory for batches that several processes share.

It has no name: nothing is left behind whichever process is killed, and the size of /dev/shm, 64 MB
in a Docker container, is no limit.
"""

import mmap
import os
import tempfile
import weakref
from collections.abc import Mapping

import numpy as np

from inception_jax.data.threads import Batch

ALIGNED = 64  # bytes: XLA's CPU devices then read an array where it is


class Slots:
    """One file in memory, a slot for each batch; it grows when all of them are in use.

    Args:
        example: the arrays [1, ...] of one example.
        images: examples of a slot.
        file: descriptor of the file of another process's `Slots`; without it a new one is made.
    """

    def __init__(self, example: Mapping[str, np.ndarray], images: int, file: int | None = None):
        self._fields: list[tuple[str, np.dtype, tuple[int, ...], int]] = []
        end = 0
        for key, value in example.items():
            self._fields.append((key, value.dtype, (images, *value.shape[1:]), end))
            end += -(-images * value.nbytes // ALIGNED) * ALIGNED
        self._size = -(-end // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        self.file = _unnamed_file() if file is None else file
        self._memory: dict[int, mmap.mmap] = {}
        self._free: list[int] = []
        self._count = 0

    @property
    def in_use(self) -> int:
        """The slots to whose arrays something refers."""
        return self._count - len(self._free)

    def take(self) -> tuple[int, Batch]:
        """A slot that is not in use, and its arrays; it is in use until none refers to them."""
        if self._free:
            slot = self._free.pop()
        else:
            slot, self._count = self._count, self._count + 1
            os.ftruncate(self.file, self._count * self._size)
        whole = self._whole(slot)
        # Views of an array refer to the array that has the memory, and so does a JAX array.
        weakref.finalize(whole, self._free.append, slot).atexit = False
        return slot, self._arrays(whole)

    def arrays(self, slot: int) -> Batch:
        """The arrays of a slot that another process has taken."""
        return self._arrays(self._whole(slot))

    def close(self) -> None:
        """Close the file; the memory is freed with the last array."""
        os.close(self.file)
        self._memory.clear()

    def _whole(self, slot: int) -> np.ndarray:
        if slot not in self._memory:
            offset = slot * self._size
            self._memory[slot] = mmap.mmap(self.file, self._size, offset=offset)
        return np.frombuffer(self._memory[slot], np.uint8)

    def _arrays(self, whole: np.ndarray) -> Batch:
        return {
            key: whole[start:][: dtype.itemsize * int(np.prod(shape))].view(dtype).reshape(shape)
            for key, dtype, shape, start in self._fields
        }


def _unnamed_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("inception_jax batches")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
