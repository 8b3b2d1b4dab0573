"""Readers in processes of their own, for hosts with more cores than one interpreter can feed.

Threads decode side by side, but what Python does for each image is done by one thread at a time: a
process ends at some 15,000 images/s, however many cores there are. Processes read into shared
memory; of an image only its number travels between them.
"""

import multiprocessing
import signal
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Protocol

import cv2
import numpy as np

from inception_jax.data.threads import AHEAD, Batch, Reader, pieces

Layout = dict[str, tuple[tuple[int, ...], str]]  # array -> shape and dtype


class Reporting(Reader, Protocol):
    """A reader that another process can ask what it has noticed."""

    def drain_stats(self) -> Any:
        """What was noticed since the last call."""
        ...

    def merge_stats(self, news: Any) -> None:
        """Takes over what another one has noticed."""
        ...


KILLED = (
    "a process that reads images was killed, from outside or for want of memory; the same command "
    "resumes from the last checkpoint; if memory was short, with fewer --config.data.processes"
)


class Processes:
    """`count` processes with a reader each, which fill slots of shared memory.

    `reader` is sent to them, so it can be pickled; what they notice comes back to it.
    """

    def __init__(self, reader: Reporting, images: int, count: int):
        like = reader.empty(images)
        self._reader, self._parts = reader, pieces(images, count)
        self._layout: Layout = {k: (v.shape, v.dtype.str) for k, v in like.items()}
        self._memory = [SharedMemory(create=True, size=_size(like)) for _ in range(AHEAD + 1)]
        self._slots = [_views(memory, self._layout) for memory in self._memory]
        self._free = list(range(len(self._slots)))
        self._pool = ProcessPoolExecutor(
            count, multiprocessing.get_context("spawn"), _begin,
            (reader, [m.name for m in self._memory], self._layout),
        )  # fmt: skip

    def begin(self, start: int) -> tuple[int, list[Future]]:
        """Has the positions from `start` on read into a free slot."""
        slot = self._free.pop()
        try:
            return slot, [
                self._pool.submit(_fill, slot, range(start + p.start, start + p.stop), p)
                for p in self._parts
            ]
        except BrokenProcessPool as e:
            raise RuntimeError(KILLED) from e

    def finish(self, slot: int, parts: list[Future]) -> Batch:
        """The batch, copied: a CPU device would go on looking at the slot, which is free again.

        Raises:
            RuntimeError: a process has died, of which it could not say anything itself.
        """
        try:
            for part in parts:
                self._reader.merge_stats(part.result())
        except BrokenProcessPool as e:
            raise RuntimeError(KILLED) from e
        batch = {k: v.copy() for k, v in self._slots[slot].items()}
        self._free.append(slot)
        return batch

    def close(self) -> None:
        """Ends the processes and gives their memory back."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._slots.clear()
        for memory in self._memory:
            memory.close()
            memory.unlink()


def _size(batch: Batch) -> int:
    return sum(-(-v.nbytes // 64) * 64 for v in batch.values())


def _views(memory: SharedMemory, layout: Layout) -> Batch:
    """The arrays of a slot, each at a multiple of 64 bytes."""
    views, start = {}, 0
    for key, (shape, dtype) in layout.items():
        views[key] = np.ndarray(shape, dtype, memory.buf, start)
        start += -(-views[key].nbytes // 64) * 64
    return views


# In a worker: its reader, its slots, and their memory, which lives as long as the process.
_reader: Reporting
_slots: list[Batch]
_memory: list[SharedMemory]


def _begin(reader: Reporting, names: list[str], layout: Layout) -> None:
    global _reader, _slots, _memory
    cv2.setNumThreads(0)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is the run's to handle, which then ends us
    _memory = [SharedMemory(name) for name in names]
    _slots = [_views(memory, layout) for memory in _memory]
    _reader = reader


def _fill(slot: int, positions: range, part: slice) -> Any:
    _reader(positions, {k: v[part] for k, v in _slots[slot].items()})
    return _reader.drain_stats()
