"""Readers of stored features, where the rows below them are frozen: they stand in for images."""

import numpy as np

from inception_jax.data.clock import Clock, Lap
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.order import example_at
from inception_jax.data.sources.bad_images import BadImages
from inception_jax.data.sources.source import Source
from inception_jax.data.threads import Batch

UNREADABLE = BadImageError("unreadable when its features were computed")


def readable(features: np.ndarray, index: int) -> bool:
    """Whether image `index` could be read: else its features are NaN."""
    return not np.isnan(features[index].flat[0])


class TrainFeatures:
    """Reads any position of the training order as features and a label, as `TrainReader` images.

    Args:
        features: [n, views, ...] of the images of `source`; the first view is read.
        source: gives the labels.
        seed: of the order.
        bad: gets the images that could not be read.
        clock: gets the times.
    """

    def __init__(
        self, features: np.ndarray, source: Source, seed: int, bad: BadImages, clock: Clock
    ):
        self._features, self._source, self._seed = features, source, seed
        self.bad, self.clock = bad, clock

    def empty(self, count: int) -> Batch:
        """Allocate `count` examples: features [n, ...], label, index and epoch int32 [n]."""
        one = self._features[0, 0]
        return {
            "features": np.empty((count, *one.shape), one.dtype),
            **{key: np.empty(count, np.int32) for key in ("label", "index", "epoch")},
        }

    def __call__(self, positions: range, out: Batch) -> None:
        """Fill `out` with the examples at `positions`."""
        lap, count = Lap(), len(self._source)
        lap.start()
        for i, position in enumerate(positions):
            index = example_at(position, count, self._seed)
            while not readable(self._features, index):  # the next one, as `TrainReader`
                self.bad.add(index, UNREADABLE)
                index = (index + 1) % count
            out["features"][i] = self._features[index, 0]
            out["index"][i], out["label"][i] = index, self._source.label(index)
            out["epoch"][i] = position // count
        lap.end("read")
        self.clock.add(lap, len(positions))


class ViewFeatures:
    """Reads the features of the images `todo` of a split, as `ViewReader` their views.

    Args:
        features: [n, views, ...] of the images of `source`.
        source: gives the labels.
        weights: of the views in an image's mean, float [views].
        todo: positions in the source, in the order to read.
    """

    def __init__(self, features: np.ndarray, source: Source, weights: np.ndarray, todo: np.ndarray):
        self._features, self._source, self._weights = features, source, weights
        self.todo, self.bad = todo, BadImages(source)

    def empty(self, count: int) -> Batch:
        """Allocate `count` images, as `ViewReader.empty` with features [n, views, ...]."""
        views = self._features.shape[1]
        return {
            "image": np.empty((count, *self._features.shape[1:]), self._features.dtype),
            "weight": np.empty((count, views), np.float32),
            **{key: np.empty(count, np.int32) for key in ("label", "index", "tried")},
        }

    def __call__(self, positions: range, out: Batch) -> None:
        """Fill `out` with the images at `positions` of `todo`."""
        out["weight"][:], out["label"][:], out["index"][:], out["tried"][:] = 0, 0, -1, -1
        out["image"][:] = 0
        for i, position in enumerate(positions):
            if position >= len(self.todo):
                break
            index = out["tried"][i] = int(self.todo[position])
            if not readable(self._features, index):
                self.bad.add(index, UNREADABLE)
                continue
            out["image"][i], out["weight"][i] = self._features[index], self._weights
            out["label"][i], out["index"][i] = self._source.label(index), index
