"""From a source to batches: order, crop, resize, stack; a position is one integer, the step.

Why not Grain (0.2.18, measured on two cores): its shuffle took 65 us an image, where a crop of a
JPEG takes some 1,000; its import took 1.0 s; and its position is a tree of states for each process,
saved in a file for each, which another number of processes does not restore.
"""

import functools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from inception_jax.config import sections
from inception_jax.data.clock import Clock, Lap
from inception_jax.data.images import crops
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Box, Picture
from inception_jax.data.images.policy import Policy
from inception_jax.data.images.resize import resize
from inception_jax.data.images.turbojpeg import Scratch
from inception_jax.data.order import Stream, example_at
from inception_jax.data.readers import Readers
from inception_jax.data.sampling import Balanced, ClassBatches
from inception_jax.data.sources.bad_images import BadImages
from inception_jax.data.sources.source import Source, labels_of
from inception_jax.data.sources.targets import empty_labels
from inception_jax.data.threads import AHEAD, Batch, Reader, Threads
from inception_jax.data.workers import Processes, Reporting


@dataclass(frozen=True)
class Shard:
    """The slice of every batch that this process reads: `index` of `count` equal ones."""

    index: int = 0
    count: int = 1


KEYS = (
    "image_size", "channels", "dtype", "batch_size", "crop", "area", "aspect", "pad", "eval_crop",
    "resize", "interpolation", "balance", "images_per_class",
)  # fmt: skip
AUGMENT = ("policy", "operations", "num_ops", "magnitude", "magnitude_std", "repeats")


class TrainReader:
    """Read any position of the training order as a cropped image and its label.

    Of an `augment` section it does what is done on the host: its policy and its repeats. With
    `weights`, of each example of the source, batches have a `weight`.
    """

    def __init__(
        self,
        source: Source,
        data: sections.Data,
        seed: int,
        augment: sections.Augment | None = None,
        weights: np.ndarray | None = None,
    ):
        self._source, self._seed, self._weights = source, seed, weights
        # A `ConfigDict` takes 1.4 us for each value.
        self._data = cast(sections.Data, _copied(data, KEYS))
        self._augment = cast(sections.Augment, _copied(augment or sections.Augment, AUGMENT))
        self._policy = None if self._augment.policy == "none" else Policy(self._augment)
        self._of_epoch = None
        if data.balance:
            balanced = Balanced(labels_of(source), data.balance, seed)
            self._of_epoch = functools.lru_cache(maxsize=4)(balanced)
        self._of_batch = None
        if data.images_per_class:
            size, each = data.batch_size, data.images_per_class
            by_class = ClassBatches(labels_of(source), size, each, seed)
            self._of_batch = functools.lru_cache(maxsize=4)(by_class)
        self.bad, self.clock = BadImages(source), Clock()

    def __reduce__(self) -> Any:
        return TrainReader, (self._source, self._data, self._seed, self._augment, self._weights)

    def resized(self, size: int) -> "TrainReader":
        """The same reader of images of `size` pixels, with the same bad images and times."""
        data = cast(sections.Data, SimpleNamespace(**{**vars(self._data), "image_size": size}))
        other = TrainReader(self._source, data, self._seed, self._augment, self._weights)
        other.bad, other.clock = self.bad, self.clock
        return other

    def drain_stats(self) -> Any:
        """Remove and return the bad images and times since the last call, to merge elsewhere."""
        return self.bad.drain_stats(), self.clock.drain_stats()

    def merge_stats(self, stats: Any) -> None:
        """Add the stats of a reader in another process; raises DataError as `BadImages.add`."""
        reasons, lap = stats
        self.clock.add(*lap)
        self.bad.merge_stats(reasons)

    def empty(self, count: int) -> Batch:
        """Allocate `count` examples: image [n, s, s, c], label, index and epoch int32 [n].

        Of a source with targets the label is float32 [n, t].
        """
        size, channels = self._data.image_size, self._data.channels
        image = np.empty((count, size, size, channels), self._data.dtype)
        return {"image": image, **self.empty_labels(count)}

    def empty_labels(self, count: int) -> Batch:
        """Allocate what a batch has besides images."""
        weight = {} if self._weights is None else {"weight": np.empty(count, np.float32)}
        return {
            "label": empty_labels(self._source, count),
            "index": np.empty(count, np.int32),
            "epoch": np.empty(count, np.int32),
            **weight,
        }

    def __call__(self, positions: range, out: Batch) -> None:
        """Fill `out` with the examples at `positions`."""
        lap, scratch, draws = Lap(), Scratch(), Stream(self._seed)
        count = len(self._source)
        for i, position in enumerate(positions):
            index = self.example_at(position)
            while True:
                try:
                    self._fill(index, draws.at(position), out["image"][i], lap, scratch)
                    break
                except BadImageError as e:
                    # The next readable image: the same replacement in every run.
                    self.bad.add(index, e)
                    index = (index + 1) % count
            self.fill_labels(out, i, position, index)  # after its image: `Tfds` has the record
        self.clock.add(lap, len(positions))

    def fill_labels(self, out: Batch, i: int, position: int, index: int) -> None:
        """Fill row `i` of what `out` has besides images: of example `index`, at `position`."""
        out["index"][i], out["label"][i] = index, self._source.label(index)
        out["epoch"][i] = position // len(self._source)
        if self._weights is not None:
            out["weight"][i] = self._weights[index]

    def example_at(self, position: int) -> int:
        """The example at a position of the order, before unreadable ones are replaced."""
        size = self._data.batch_size
        if self._of_batch:
            batch, place = divmod(position, size)
            return int(self._of_batch(batch)[place])
        count, repeats = len(self._source), self._augment.repeats
        return example_at(position, count, self._seed, size, repeats, self._of_epoch)

    def _fill(self, index: int, rng: Stream, out: np.ndarray, lap: Lap, scratch: Scratch) -> None:
        d = self._data
        lap.start()
        stored = self._source.stored(index)
        lap.end("read")
        picture = Picture(stored)
        if random_box := crops.RANDOM_BOXES.get(d.crop):
            box = random_box(rng, picture.height, picture.width, d.area, d.aspect)
        else:
            box = _central(picture, d)
        part = picture.inside(box, least=d.image_size, scratch=scratch)
        lap.end("decode")
        how = d.interpolation
        how = crops.RANDOM[rng.integers(len(crops.RANDOM))] if how == "random" else how
        resize(part, out.shape[1::-1], how, out)
        if d.crop == "pad":
            out[:] = crops.shifted(rng, out, d.pad)
        lap.end("resize")
        if self._policy:
            out[:] = self._policy(rng, out)
            lap.end("policy")


def _copied(section: Any, keys: Sequence[str]) -> SimpleNamespace:
    return SimpleNamespace(**{key: getattr(section, key) for key in keys})


def _central(picture: Picture, data: sections.Data) -> Box:
    square = data.resize == "short_side"
    return crops.central_box(picture.height, picture.width, data.eval_crop, square)


def batches(
    read: Reader,
    batch_size: int,
    steps: range,
    threads: int,
    shard: Shard = Shard(),
    processes: int = 0,
    idle: Callable[[], None] = lambda: None,
) -> Iterator[Batch]:
    """The batches of `steps`, read two ahead: three are in the host's memory.

    The `threads` are in this process, or in `processes` others, to which `read` is pickled (at
    least one in each): a batch is then valid as long as something refers to it. `idle` is called
    twice a second while a batch is not ready; it may raise to end the wait.

    Raises:
        ValueError: `batch_size`, of all processes, is not a multiple of the number of shards.
    """
    readers = Readers(max(threads, processes), processes)
    local, left = divmod(batch_size, shard.count)
    if left:
        raise ValueError(f"expected a multiple of {shard.count} images a batch, got {batch_size}")
    starts = (step * batch_size + shard.index * local for step in steps)
    make = partial(Processes, cast(Reporting, read), local, readers)
    start_pool = make if processes else partial(Threads, read, local, threads)
    return _read_ahead(start_pool, starts, idle)


def images_per_s(batches: Iterator[Batch], seconds: float) -> float:
    """Measure the rate of `batches`, read as fast as possible, for `seconds`."""
    for _ in range(AHEAD + 1):  # started before the clock
        next(batches)
    began, images = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        images += len(next(batches)["index"])
    return images / (time.perf_counter() - began)


def _read_ahead(
    start_pool: Callable[[], Any], starts: Iterable[int], idle: Callable[[], None]
) -> Iterator[Batch]:
    """The batches at each position of `starts`; the pool is closed with this generator."""
    pool, in_flight = start_pool(), deque()

    def oldest() -> Batch:
        batch, tasks = in_flight.popleft()
        while wait(tasks, timeout=0.5).not_done:
            idle()
        return pool.finish(batch, tasks)

    try:
        for start in starts:
            in_flight.append(pool.begin(start))
            if len(in_flight) > AHEAD:
                yield oldest()
        while in_flight:
            yield oldest()
    finally:
        pool.close()
