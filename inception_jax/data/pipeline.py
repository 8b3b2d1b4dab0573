"""From a source to batches: order, crop, resize, stack; a position is one integer, the step."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from inception_jax.data import crops
from inception_jax.data.clock import Clock, Lap
from inception_jax.data.decode import BadImageError
from inception_jax.data.order import example_at, stream
from inception_jax.data.picture import Picture
from inception_jax.data.source import BadImages, Source

PIECE = 32  # examples a thread reads at a time
AHEAD = 2  # batches that are read before they are asked for
Batch = dict[str, np.ndarray]


@dataclass(frozen=True)
class Shard:
    """Which slice of every batch this process reads: `index` of `count` equal ones."""

    index: int = 0
    count: int = 1


class TrainReader:
    """Reads any position of the training order as a cropped image and its label."""

    def __init__(self, source: Source, data: Any, seed: int):
        self._source, self._data, self._seed = source, data, seed
        self.bad, self.clock = BadImages(source), Clock()

    def empty(self, count: int) -> Batch:
        """Room for `count` examples: image uint8 [n, s, s, 3], label and index int32 [n]."""
        size = self._data.image_size
        return {
            "image": np.empty((count, size, size, 3), np.uint8),
            "label": np.empty(count, np.int32),
            "index": np.empty(count, np.int32),
        }

    def __call__(self, positions: range, out: Batch) -> None:
        """Fills `out` with the examples at `positions`."""
        lap = Lap()
        for i, position in enumerate(positions):
            index = example_at(position, len(self._source), self._seed)
            while True:
                try:
                    self._fill(index, position, out["image"][i], lap)
                    break
                except BadImageError as e:
                    # The next readable one: the same replacement in every run.
                    self.bad.add(index, e)
                    index = (index + 1) % len(self._source)
            # Right after its image: a source that reads records then still holds this one.
            out["index"][i], out["label"][i] = index, self._source.label(index)
        self.clock.add(lap, len(positions))

    def _fill(self, index: int, position: int, out: np.ndarray, lap: Lap) -> None:
        d, rng = self._data, stream(self._seed, position)
        lap.start()
        stored = self._source.stored(index)
        lap.end("read")
        picture = Picture(stored)
        if random_box := crops.RANDOM_BOXES.get(d.crop):
            area, aspect = tuple(d.area), tuple(d.aspect)
            box = random_box(rng, picture.height, picture.width, area, aspect)
        else:
            square = d.resize == "short_side"
            box = crops.central_box(picture.height, picture.width, d.eval_crop, square)
        part = picture.inside(box, least=d.image_size)
        lap.end("decode")
        how = d.interpolation
        how = crops.RANDOM[rng.integers(len(crops.RANDOM))] if how == "random" else how
        crops.resize(part, out, how)
        if d.crop == "pad":
            out[:] = crops.shifted(rng, out, d.pad)
        lap.end("resize")


def centre(picture: Picture, data: Any, out: np.ndarray) -> None:
    """Fills `out`, uint8 [s, s, 3], with what evaluation and prediction see: the centre."""
    square = data.resize == "short_side"
    box = crops.central_box(picture.height, picture.width, data.eval_crop, square)
    how = "bilinear" if data.interpolation == "random" else data.interpolation
    crops.resize(picture.inside(box), out, how)


class EvalReader:
    """Reads the split in order, centre-cropped; positions past the end are empty and masked out."""

    def __init__(self, source: Source, data: Any):
        self._source, self._data = source, data
        self.bad = BadImages(source)

    def empty(self, count: int) -> Batch:
        """As TrainReader's, with mask float32 [n]: 1 for an image, 0 for padding or a bad one."""
        size = self._data.image_size
        return {
            "image": np.zeros((count, size, size, 3), np.uint8),
            "label": np.zeros(count, np.int32),
            "index": np.full(count, -1, np.int32),
            "mask": np.zeros(count, np.float32),
        }

    def __call__(self, positions: range, out: Batch) -> None:
        """Fills `out`, which is empty, with the images at `positions`."""
        for i, position in enumerate(positions):
            if position >= len(self._source):
                break
            try:
                centre(Picture(self._source.stored(position)), self._data, out["image"][i])
            except BadImageError as e:
                self.bad.add(position, e)
                continue
            out["label"][i] = self._source.label(position)
            out["index"][i] = position
            out["mask"][i] = 1


class Reader(Protocol):
    """Reads examples by position into arrays that it makes; called by several threads."""

    def empty(self, count: int) -> Batch:
        """Arrays [count, ...] for as many examples."""
        ...

    def __call__(self, positions: range, out: Batch) -> None:
        """Fills `out`, a slice of such arrays."""
        ...


def batches(
    read: Reader, batch_size: int, steps: range, threads: int, shard: Shard = Shard()
) -> Iterator[Batch]:
    """The batches of `steps`, each this process's slice of `batch_size` examples.

    `threads` threads fill the arrays of at most two batches ahead, in pieces of up to 32 examples:
    nothing is copied, and of the host's memory three batches are in use.

    Raises:
        ValueError: the slices would not be equal.
    """
    local, left = divmod(batch_size, shard.count)
    if left:
        raise ValueError(f"expected a multiple of {shard.count} images a batch, got {batch_size}")
    starts = (step * batch_size + shard.index * local for step in steps)
    return _read_ahead(read, local, starts, threads)


def _read_ahead(read: Reader, count: int, starts: Iterable[int], threads: int) -> Iterator[Batch]:
    """The batches of the `count` positions after each of `starts`."""
    cv2.setNumThreads(0)  # the threads are ours
    piece = min(PIECE, -(-AHEAD * count // threads))  # with larger ones a thread would go without
    pool = ThreadPoolExecutor(threads, "input")
    begun: deque[tuple[Batch, list[Future]]] = deque()

    def begin(start: int) -> None:
        batch, pieces = read.empty(count), []
        for i in range(0, count, piece):
            part = slice(i, min(i + piece, count))
            positions = range(start + part.start, start + part.stop)
            pieces.append(pool.submit(read, positions, {k: v[part] for k, v in batch.items()}))
        begun.append((batch, pieces))

    def finish() -> Batch:
        batch, pieces = begun.popleft()
        for p in pieces:
            p.result()
        return batch

    try:
        for start in starts:
            begin(start)
            if len(begun) > AHEAD:
                yield finish()
        while begun:
            yield finish()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
