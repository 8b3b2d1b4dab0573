"""Reads images as stacked views: decoded once, resized once per scale, cropped."""

import operator
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import cv2
import numpy as np

from inception_jax.config import sections
from inception_jax.data.images.crops import bordered
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Box, Picture
from inception_jax.data.images.resize import resize
from inception_jax.data.images.turbojpeg import Scratch
from inception_jax.data.pipeline import Batch
from inception_jax.data.sources.bad_images import BadImages
from inception_jax.data.sources.source import Source
from inception_jax.data.sources.targets import empty_labels
from inception_jax.eval.protocols import Protocol, View, from_data_section


class ViewReader:
    """Reads the images `todo` of a split with all their views; unreadable images have weight 0.

    Positions past the end of `todo` are padding.
    """

    def __init__(self, source: Source, protocol: Protocol, todo: np.ndarray):
        self._source, self._protocol, self.todo = source, protocol, todo
        self.bad = BadImages(source)

    def __reduce__(self) -> Any:
        return ViewReader, (self._source, self._protocol, self.todo)

    def drain_stats(self) -> Any:
        """Remove and return the bad images since the last call, to merge elsewhere."""
        return self.bad.drain_stats()

    def merge_stats(self, stats: Any) -> None:
        """Add the stats of a reader in another process; raises DataError as `BadImages.add`."""
        self.bad.merge_stats(stats)

    def empty(self, count: int) -> Batch:
        """Allocate `count` images: image [n, views, s, s, c]; weight, summing to 1 each.

        Padding has -1 for `index` and `tried`, an unreadable image only for `index`.
        """
        p = self._protocol
        views, size = p.count, p.size
        return {
            "image": np.empty((count, views, size, size, p.channels), p.dtype),
            "weight": np.empty((count, views), np.float32),
            "label": empty_labels(self._source, count),
            "index": np.empty(count, np.int32),
            "tried": np.empty(count, np.int32),
        }

    def __call__(self, positions: range, out: Batch) -> None:
        """Fill `out` with the images at `positions` of `todo`."""
        scratch = Scratch()
        out["weight"][:], out["label"][:], out["index"][:], out["tried"][:] = 0, 0, -1, -1
        for i, position in enumerate(positions):
            read = 0  # views
            if position < len(self.todo):
                index = out["tried"][i] = int(self.todo[position])
                try:
                    read = self._fill(index, out["image"][i], out["weight"][i], scratch)
                    out["label"][i], out["index"][i] = self._source.label(index), index
                except BadImageError as e:
                    self.bad.add(index, e)
                    read, out["weight"][i] = 0, 0
            out["image"][i, read:] = 0

    def _fill(self, index: int, out: np.ndarray, weight: np.ndarray, scratch: Scratch) -> int:
        """Read the views of an image, and return their number."""
        picture = Picture(self._source.stored(index))
        views = self._protocol.views(picture.height, picture.width)
        fill(picture, views, self._protocol.interpolation, out, scratch)
        weight[: len(views)] = [v.times / self._protocol.count for v in views]
        return len(views)


def fill(
    picture: Picture, views: Iterable[View], interpolation: str, out: np.ndarray,
    scratch: Scratch | None = None,
) -> None:  # fmt: skip
    """Writes `views` of `picture` to `out`, [n, s, s, c], resized by `interpolation`."""
    i, fast_dct = 0, interpolation == "tf1_bilinear"  # both are TensorFlow's
    for part, of_part in groupby(views, key=operator.attrgetter("part")):
        pixels = picture.inside(part, None, fast_dct, scratch)
        for size, of_size in groupby(of_part, key=operator.attrgetter("width", "height")):
            resized = resize(pixels, size, interpolation)
            for view in of_size:
                if view.mirror:
                    cv2.flip(out[i - 1], 1, dst=out[i])
                else:
                    resize(_box(resized, view.box), out.shape[2:0:-1], interpolation, out[i])
                i += 1


def _box(image: np.ndarray, box: Box) -> np.ndarray:
    """`box` of an image [h, w, c], which is reflected where the box leaves it, as by `shifted`."""
    y, x, height, width = box
    top, left = max(0, -y), max(0, -x)
    bottom, right = max(0, y + height - image.shape[0]), max(0, x + width - image.shape[1])
    if top or left or bottom or right:
        image = bordered(image, top, bottom, left, right)
    return image[y + top : y + top + height, x + left : x + left + width]


def centre(picture: Picture, data: sections.Data) -> np.ndarray:
    """The config's own evaluation crop, [s, s, c]: what its network sees of an image."""
    return all_views(picture, from_data_section(data, "config"))[0]


def all_views(picture: Picture, protocol: Protocol) -> np.ndarray:
    """The views of an image, [protocol.count, s, s, c], each as often as it counts."""
    views = protocol.views(picture.height, picture.width)
    shape = (len(views), protocol.size, protocol.size, protocol.channels)
    out = np.empty(shape, protocol.dtype)
    fill(picture, views, protocol.interpolation, out)
    return out.repeat([view.times for view in views], axis=0)
