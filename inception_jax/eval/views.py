"""Reads images as stacked views: decoded once, resized once per scale, cropped."""

import operator
from collections.abc import Iterable
from itertools import groupby

import cv2
import numpy as np

from inception_jax.data.images.crops import INTERPOLATIONS, evaluated_with
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Picture
from inception_jax.data.pipeline import Batch
from inception_jax.data.sources.bad_images import BadImages
from inception_jax.data.sources.source import Source
from inception_jax.eval.protocols import Protocol, View


class ViewReader:
    """Reads the images `todo` of a split with all their views; unreadable images have weight 0.

    Positions past the end of `todo` are padding.
    """

    def __init__(self, source: Source, protocol: Protocol, interpolation: str, todo: np.ndarray):
        self._source, self._protocol, self.todo = source, protocol, todo
        self._interpolation = INTERPOLATIONS[evaluated_with(interpolation)]
        self.bad = BadImages(source)

    def empty(self, count: int) -> Batch:
        """A batch for `count` images: image uint8 [n, views, s, s, 3]; weight, summing to 1 each.

        Padding has -1 for `index` and `tried`, an unreadable image only for `index`.
        """
        views, size = self._protocol.count, self._protocol.size
        return {
            "image": np.zeros((count, views, size, size, 3), np.uint8),
            "weight": np.zeros((count, views), np.float32),
            "label": np.zeros(count, np.int32),
            "index": np.full(count, -1, np.int32),
            "tried": np.full(count, -1, np.int32),
        }

    def __call__(self, positions: range, out: Batch) -> None:
        """Reads the images at `positions` of `todo` into `out`, a batch from `empty`."""
        for i, position in enumerate(positions):
            if position >= len(self.todo):
                break
            index = int(self.todo[position])
            out["tried"][i] = index
            try:
                picture = Picture(self._source.stored(index))
                views = self._protocol.views(picture.height, picture.width)
                fill(picture, views, self._interpolation, out["image"][i])
            except BadImageError as e:
                self.bad.add(index, e)
                continue
            out["weight"][i, : len(views)] = [v.times / self._protocol.count for v in views]
            out["label"][i], out["index"][i] = self._source.label(index), index


def fill(picture: Picture, views: Iterable[View], interpolation: int, out: np.ndarray) -> None:
    """Writes `views` of `picture` to `out`, uint8 [n, s, s, 3], with cv2's `interpolation`."""
    i = 0
    for part, of_part in groupby(views, key=operator.attrgetter("part")):
        pixels = picture.inside(part)
        for size, of_size in groupby(of_part, key=operator.attrgetter("width", "height")):
            resized = _resized(pixels, size, interpolation)
            for view in of_size:
                if view.mirror:
                    cv2.flip(out[i - 1], 1, dst=out[i])
                else:
                    y, x, height, width = view.box
                    box = resized[y : y + height, x : x + width]
                    out[i] = _resized(box, out.shape[2:0:-1], interpolation)
                i += 1


def _resized(pixels: np.ndarray, size: tuple[int, int], interpolation: int) -> np.ndarray:
    """`pixels` resized to `size` = (width, height), unchanged if they have it."""
    if pixels.shape[1::-1] == size:
        return pixels
    return cv2.resize(pixels, size, interpolation=interpolation)
