"""From a source to batches: order, crop, resize, stack; a position is one integer, the step.

Why not Grain (0.2.18, measured on two cores): its shuffle took 65 us an image, where a crop of a
JPEG takes some 1,000; its import took 1.0 s; and its position is a tree of states for each process,
saved in a file for each, which another number of processes does not restore.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import wait
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np

from inception_jax.data.clock import Clock, Lap
from inception_jax.data.images import crops
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Picture
from inception_jax.data.order import example_at, stream
from inception_jax.data.sources.source import BadImages, Source
from inception_jax.data.threads import AHEAD, Batch, Reader, Threads
from inception_jax.data.workers import Processes, Reporting


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

    def __reduce__(self) -> Any:
        return TrainReader, (self._source, self._data, self._seed)

    def drain_stats(self) -> Any:
        """What this reader has noticed since the last call, for the one in another process."""
        return self.bad.drain_stats(), self.clock.drain_stats()

    def merge_stats(self, news: Any) -> None:
        """Takes over what another one has noticed; raises DataError as `BadImages.add`."""
        reasons, lap = news
        self.clock.add(*lap)
        self.bad.merge_stats(reasons)

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


def batches(
    read: Reader,
    batch_size: int,
    steps: range,
    threads: int,
    shard: Shard = Shard(),
    processes: int = 0,
    idle: Callable[[], None] = lambda: None,
) -> Iterator[Batch]:
    """The batches of `steps`, each this process's slice of `batch_size` examples.

    They are read by `threads` threads, or, for a reader that can be sent to them, by as many
    `processes`; two batches are read ahead, so of the host's memory three are in use. While a
    batch is waited for, `idle` is called twice a second, and may raise to end the wait.

    Raises:
        ValueError: the slices would not be equal.
    """
    local, left = divmod(batch_size, shard.count)
    if left:
        raise ValueError(f"expected a multiple of {shard.count} images a batch, got {batch_size}")
    starts = (step * batch_size + shard.index * local for step in steps)
    make = partial(Processes, cast(Reporting, read), local, processes)
    crew_of = make if processes else partial(Threads, read, local, threads)
    return _read_ahead(crew_of, starts, idle)


def _read_ahead(
    crew_of: Callable[[], Any], starts: Iterable[int], idle: Callable[[], None]
) -> Iterator[Batch]:
    """The batches of the positions after each of `starts`; the crew lives as long as this does."""
    crew, begun = crew_of(), deque()

    def oldest() -> Batch:
        batch, parts = begun.popleft()
        while wait(parts, timeout=0.5).not_done:
            idle()
        return crew.finish(batch, parts)

    try:
        for start in starts:
            begun.append(crew.begin(start))
            if len(begun) > AHEAD:
                yield oldest()
        while begun:
            yield oldest()
    finally:
        crew.close()
