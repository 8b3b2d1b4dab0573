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
    """`count` processes, which fill slots of shared memory with `images` of a batch.

    The reader is pickled and sent to each process; it receives their stats.
    """

    def __init__(self, reader: Reporting, images: int, count: int):
        fields = [(k, v.dtype, v.shape[1:]) for k, v in reader.empty(1).items()]
        layout = np.dtype(fields, align=True)
        self._reader, self._pieces = reader, pieces(images, count)
        size = images * layout.itemsize
        self._memory = [SharedMemory(create=True, size=size) for _ in range(AHEAD + 1)]
        self._slots = [_views(memory, images, layout) for memory in self._memory]
        self._free = list(range(len(self._slots)))
        self._pool = ProcessPoolExecutor(
            count, multiprocessing.get_context("spawn"), _initialize,
            (reader, [m.name for m in self._memory], images, layout),
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


def _views(memory: SharedMemory, images: int, layout: np.dtype) -> Batch:
    """The arrays of a slot, in which each image is followed by its label and index."""
    rows = np.ndarray(images, layout, memory.buf)
    return {key: rows[key] for key in layout.names or ()}


# In a worker process: its reader, its slots, and their memory, which must outlive them.
_reader: Reporting
_slots: list[Batch]
_memory: list[SharedMemory]


def _initialize(reader: Reporting, names: list[str], images: int, layout: np.dtype) -> None:
    global _reader, _slots, _memory
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process handles Ctrl-C and stops us
    _memory = [SharedMemory(name) for name in names]
    _slots = [_views(memory, images, layout) for memory in _memory]
    _reader = reader


def _fill(slot: int, positions: range, piece: slice) -> Any:
    _reader(positions, {k: v[piece] for k, v in _slots[slot].items()})
    return _reader.drain_stats()
