"""Readers of stored features, where the rows below them are frozen: they stand in for images."""

import numpy as np

from inception_jax.data.clock import Lap
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.pipeline import TrainReader
from inception_jax.data.sources.bad_images import BadImages
from inception_jax.data.sources.source import Source
from inception_jax.data.sources.targets import empty_labels
from inception_jax.data.threads import Batch

UNREADABLE = BadImageError("unreadable when its features were computed")


def readable(features: np.ndarray, index: int) -> bool:
    """Whether image `index` could be read: else its features are NaN."""
    return not np.isnan(features[index].flat[0])


class TrainFeatures:
    """Reads any position of the training order as features and a label, as `TrainReader` images.

    Args:
        features: [n, views, ...] of the images; the first view is read.
        read: the reader of these images, which gives their order and labels, and gets the times and
            the images that could not be read.
    """

    def __init__(self, features: np.ndarray, read: TrainReader):
        self._features, self._read = features, read
        self.bad, self.clock = read.bad, read.clock

    def empty(self, count: int) -> Batch:
        """Allocate `count` examples: features [n, ...], and what else the reader's batches have."""
        one = self._features[0, 0]
        features = np.empty((count, *one.shape), one.dtype)
        return {"features": features, **self._read.empty_labels(count)}

    def __call__(self, positions: range, out: Batch) -> None:
        """Fill `out` with the examples at `positions`."""
        lap, count = Lap(), len(self._features)
        lap.start()
        for i, position in enumerate(positions):
            index = self._read.example_at(position)
            while not readable(self._features, index):  # the next one, as `TrainReader`
                self.bad.add(index, UNREADABLE)
                index = (index + 1) % count
            out["features"][i] = self._features[index, 0]
            self._read.fill_labels(out, i, position, index)
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
            "label": empty_labels(self._source, count),
            **{key: np.empty(count, np.int32) for key in ("index", "tried")},
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
