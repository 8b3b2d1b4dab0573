"""Reads batches in worker processes, for hosts with more cores than one interpreter can use.

Threads decode in parallel, but share the GIL for the Python code of each image: one process reads
at most some 15,000 images/s on any number of cores. The processes write into shared memory; only
positions are sent to them.
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
    """A reader with stats, which a worker process drains and the main process merges."""

    def drain_stats(self) -> Any:
        """Remove and return the stats gathered since the last call."""
        ...

    def merge_stats(self, stats: Any) -> None:
        """Add the stats of another reader."""
        ...


KILLED = (
    "a process that reads images was killed, by a signal or for lack of memory; the same command "
    "resumes from the last checkpoint; if memory was short, lower --config.data.processes"
)


class Processes:
    """`count` processes with a reader each, which fill slots of shared memory.

    Args:
        reader: pickled and sent to each process; receives their stats.
        images: of a batch.
        count: processes.
    """

    def __init__(self, reader: Reporting, images: int, count: int):
        like = reader.empty(images)
        self._reader, self._pieces = reader, pieces(images, count)
        self._layout: Layout = {k: (v.shape, v.dtype.str) for k, v in like.items()}
        self._memory = [SharedMemory(create=True, size=_size(like)) for _ in range(AHEAD + 1)]
        self._slots = [_views(memory, self._layout) for memory in self._memory]
        self._free = list(range(len(self._slots)))
        self._pool = ProcessPoolExecutor(
            count, multiprocessing.get_context("spawn"), _initialize,
            (reader, [m.name for m in self._memory], self._layout),
        )  # fmt: skip

    def begin(self, start: int) -> tuple[int, list[Future]]:
        """Start reading the batch at position `start` into a free slot."""
        slot = self._free.pop()
        try:
            return slot, [
                self._pool.submit(_fill, slot, range(start + p.start, start + p.stop), p)
                for p in self._pieces
            ]
        except BrokenProcessPool as e:
            raise RuntimeError(KILLED) from e

    def finish(self, slot: int, tasks: list[Future]) -> Batch:
        """Wait for the batch and copy it: a CPU device may still read it when the slot is reused.

        Raises:
            RuntimeError: a process was killed.
        """
        try:
            for task in tasks:
                self._reader.merge_stats(task.result())
        except BrokenProcessPool as e:
            raise RuntimeError(KILLED) from e
        batch = {k: v.copy() for k, v in self._slots[slot].items()}
        self._free.append(slot)
        return batch

    def close(self) -> None:
        """Stop the processes and free their memory."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._slots.clear()
        for memory in self._memory:
            memory.close()
            memory.unlink()


def _size(batch: Batch) -> int:
    return sum(-(-v.nbytes // 64) * 64 for v in batch.values())


def _views(memory: SharedMemory, layout: Layout) -> Batch:
    """The arrays of a slot, each aligned to 64 bytes."""
    views, start = {}, 0
    for key, (shape, dtype) in layout.items():
        views[key] = np.ndarray(shape, dtype, memory.buf, start)
        start += -(-views[key].nbytes // 64) * 64
    return views


# In a worker process: its reader, its slots, and their memory, which must outlive them.
_reader: Reporting
_slots: list[Batch]
_memory: list[SharedMemory]


def _initialize(reader: Reporting, names: list[str], layout: Layout) -> None:
    global _reader, _slots, _memory
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process handles Ctrl-C and stops us
    _memory = [SharedMemory(name) for name in names]
    _slots = [_views(memory, layout) for memory in _memory]
    _reader = reader


def _fill(slot: int, positions: range, piece: slice) -> Any:
    _reader(positions, {k: v[piece] for k, v in _slots[slot].items()})
    return _reader.drain_stats()
