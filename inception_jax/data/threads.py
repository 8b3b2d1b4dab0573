"""Reads batches in threads of this process."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import cv2
import numpy as np

PIECE = 32  # examples of a task
AHEAD = 2  # batches read ahead of the consumer

Batch = dict[str, np.ndarray]


class Reader(Protocol):
    """Reads examples by position into arrays; called by several threads."""

    def empty(self, count: int) -> Batch:
        """Allocate arrays [count, ...] for `count` examples."""
        ...

    def __call__(self, positions: range, out: Batch) -> None:
        """Fill `out`, a slice of such arrays."""
        ...


class Threads:
    """`count` threads that fill the arrays of a batch without a copy."""

    def __init__(self, reader: Reader, images: int, count: int):
        cv2.setNumThreads(0)  # OpenCV's own threads would compete with these
        self._reader, self._images, self._pieces = reader, images, pieces(images, count)
        self._pool = ThreadPoolExecutor(count, "input")

    def begin(self, start: int) -> tuple[Batch, list[Future]]:
        """Start reading the batch at position `start`."""
        batch = self._reader.empty(self._images)
        return batch, [
            self._pool.submit(
                self._reader,
                range(start + p.start, start + p.stop),
                {k: v[p] for k, v in batch.items()},
            )
            for p in self._pieces
        ]

    def finish(self, batch: Batch, tasks: list[Future]) -> Batch:
        """Wait for the batch."""
        for task in tasks:
            task.result()
        return batch

    def close(self) -> None:
        """Stop each thread after its current piece."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def pieces(images: int, readers: int) -> list[slice]:
    """Split a batch into tasks, small enough that every reader has one."""
    size = min(PIECE, -(-AHEAD * images // readers))
    return [slice(i, min(i + size, images)) for i in range(0, images, size)]
