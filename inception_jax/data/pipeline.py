"""From a source to batches: order, crop, resize, stack; a position is one integer, the step."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import grain
import numpy as np
from grain.experimental import index_shuffle

from inception_jax.data import crops
from inception_jax.data.decode import BadImageError
from inception_jax.data.source import BadImages, Source

CHUNK = 32  # examples one Grain element holds: its cost of 70 us is then 2 us an image
Batch = dict[str, np.ndarray]


@dataclass(frozen=True)
class Shard:
    """Which slice of every batch this process reads: `index` of `count` equal ones."""

    index: int = 0
    count: int = 1


@functools.lru_cache(maxsize=64)
def _epoch_seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])


def example_at(position: int, count: int, seed: int) -> int:
    """Index of the example at `position` of the endless training order.

    Each epoch is another permutation of `count` examples, computed rather than stored, so any
    position costs the same and every example comes once an epoch.
    """
    epoch, offset = divmod(position, count)
    return index_shuffle(offset, max_index=count - 1, seed=_epoch_seed(seed, epoch), rounds=4)


def stream(seed: int, position: int) -> np.random.Generator:
    """The random numbers of one position of the order: a function of both and of nothing else."""
    return np.random.Generator(np.random.Philox(key=[seed, position]))


class TrainReader:
    """Reads any position of the training order as a cropped image and its label."""

    def __init__(self, source: Source, data: Any, seed: int):
        self._source, self._data, self._seed = source, data, seed
        self.bad = BadImages(source)

    def __call__(self, positions: range) -> Batch:
        """The examples at `positions`: image uint8 [n, s, s, 3], label and index int32 [n]."""
        n, size = len(positions), self._data.image_size
        images = np.empty((n, size, size, 3), np.uint8)
        label, index = np.empty(n, np.int32), np.empty(n, np.int32)
        for i, position in enumerate(positions):
            found, image = self._readable(example_at(position, len(self._source), self._seed))
            images[i] = self._crop(image, stream(self._seed, position))
            # Right after its image: a source that reads records then still holds this one.
            index[i], label[i] = found, self._source.label(found)
        return {"image": images, "label": label, "index": index}

    def _readable(self, index: int) -> tuple[int, np.ndarray]:
        """The image, or the next readable one: the same replacement in every run."""
        while True:
            try:
                return index, self._source.image(index)
            except BadImageError as e:
                self.bad.add(index, e)
                index = (index + 1) % len(self._source)

    def _crop(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        d = self._data
        height, width = image.shape[:2]
        if d.crop == "inception":
            box = crops.inception_box(rng, height, width, tuple(d.area), tuple(d.aspect))
        else:
            box = crops.central_box(height, width, d.eval_crop, d.resize == "short_side")
        how = d.interpolation
        names = list(crops.INTERPOLATIONS)
        how = names[rng.integers(len(names))] if how == "random" else how
        image = crops.cut(image, box, d.image_size, crops.INTERPOLATIONS[how])
        return crops.shifted(rng, image, d.pad) if d.crop == "pad" else image


def centre(image: np.ndarray, data: Any) -> np.ndarray:
    """What evaluation and prediction see of `image` [h, w, 3]: its centre, [s, s, 3]."""
    height, width = image.shape[:2]
    box = crops.central_box(height, width, data.eval_crop, data.resize == "short_side")
    how = "bilinear" if data.interpolation == "random" else data.interpolation
    return crops.cut(image, box, data.image_size, crops.INTERPOLATIONS[how])


class EvalReader:
    """Reads the split in order, centre-cropped; positions past the end are empty and masked out."""

    def __init__(self, source: Source, data: Any):
        self._source, self._data = source, data
        self.bad = BadImages(source)

    def __call__(self, positions: range) -> Batch:
        """As TrainReader's, with mask float32 [n]: 1 for an image, 0 for padding or a bad one."""
        d = self._data
        n, size = len(positions), d.image_size
        batch = {
            "image": np.zeros((n, size, size, 3), np.uint8),
            "label": np.zeros(n, np.int32),
            "index": np.full(n, -1, np.int32),
            "mask": np.zeros(n, np.float32),
        }
        for i, position in enumerate(positions):
            if position >= len(self._source):
                break
            try:
                image = self._source.image(position)
            except BadImageError as e:
                self.bad.add(position, e)
                continue
            batch["image"][i] = centre(image, d)
            batch["label"][i] = self._source.label(position)
            batch["index"][i] = position
            batch["mask"][i] = 1
        return batch


def batches(
    read: Callable[[range], Batch],
    batch_size: int,
    steps: range,
    threads: int,
    shard: Shard = Shard(),
) -> Iterator[Batch]:
    """The batches of `steps`, each this process's slice of `batch_size` examples.

    Chunks are read in `threads` threads, at most two batches ahead.

    Raises:
        ValueError: the slices would not be equal.
    """
    cv2.setNumThreads(0)  # the threads are ours
    local, left = divmod(batch_size, shard.count)
    if left:
        raise ValueError(f"expected a multiple of {shard.count} images a batch, got {batch_size}")
    # Two batches are in flight: with larger chunks there would be fewer of them than threads.
    most = min(CHUNK, max(1, 2 * local // threads))
    chunk = max(c for c in range(1, most + 1) if local % c == 0)
    per_batch = local // chunk

    def chunk_at(i: int) -> Batch:
        step, part = divmod(i, per_batch)
        start = (steps.start + step) * batch_size + shard.index * local + part * chunk
        return read(range(start, start + chunk))

    def join(parts: Any) -> Batch:
        return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}

    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * per_batch)
    chunks = grain.MapDataset.range(len(steps) * per_batch).map(chunk_at)
    return iter(chunks.to_iter_dataset(options).batch(per_batch, batch_fn=join))
