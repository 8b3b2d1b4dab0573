"""Readers in threads of this process."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import cv2
import numpy as np

PIECE = 32  # examples read at a time
AHEAD = 2  # batches that are read before they are asked for

Batch = dict[str, np.ndarray]


class Reader(Protocol):
    """Reads examples by position into arrays that it makes; called by several threads."""

    def empty(self, count: int) -> Batch:
        """Arrays [count, ...] for as many examples."""
        ...

    def __call__(self, positions: range, out: Batch) -> None:
        """Fills `out`, a slice of such arrays."""
        ...


class Threads:
    """`count` threads, which fill the arrays of the batch itself: nothing is copied."""

    def __init__(self, reader: Reader, images: int, count: int):
        cv2.setNumThreads(0)  # the threads are ours
        self._reader, self._images, self._parts = reader, images, pieces(images, count)
        self._pool = ThreadPoolExecutor(count, "input")

    def begin(self, start: int) -> tuple[Batch, list[Future]]:
        """Has the positions from `start` on read."""
        batch = self._reader.empty(self._images)
        return batch, [
            self._pool.submit(
                self._reader,
                range(start + p.start, start + p.stop),
                {k: v[p] for k, v in batch.items()},
            )
            for p in self._parts
        ]

    def finish(self, batch: Batch, parts: list[Future]) -> Batch:
        """The batch, when all of it is there."""
        for part in parts:
            part.result()
        return batch

    def close(self) -> None:
        """Ends the threads, each when its piece is done."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def pieces(images: int, readers: int) -> list[slice]:
    """The parts of a batch that are read at a time; with larger ones a reader would go without."""
    size = min(PIECE, -(-AHEAD * images // readers))
    return [slice(i, min(i + size, images)) for i in range(0, images, size)]
