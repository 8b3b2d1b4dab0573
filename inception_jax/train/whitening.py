"""The kernel of a whitened stem: computed from training images at a run's start, never updated."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from inception_jax.config import sections
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.source import Source
from inception_jax.errors import DataError
from inception_jax.eval.views import centre
from inception_jax.models import Network, whitening
from inception_jax.runtime import multihost

IMAGES = 5_000  # airbench's number, which are CIFAR-10's first; here evenly spaced


def arrays(source: Source, data: sections.Data, model: Network) -> dict[str, Any]:
    """The whitening kernel of `model` by path, as `state.create` takes it; empty without one.

    It is of `IMAGES` training images, evenly spaced over the split (a folder's are sorted by
    class), in the evaluation crop; the same in all processes, those of the first.

    Raises:
        DataError: no image can be read, or all patches are equal.
    """
    std = np.tile(model.preprocessing.std, whitening.SIDE**2)
    return {
        f"['params']['{row}']['kernel']": multihost.of_first(
            whitening.kernel(covariance(_images(source, data)) / np.outer(std, std)).astype(
                np.float32
            )
        )
        for row in model.fixed
    }


def covariance(images: Iterator[UInt8[np.ndarray, "h w 3"]]) -> Float[np.ndarray, "12 12"]:
    """The covariance of all 2x2 patches of some images, flattened [row, column, colour], 0..255.

    Sums of products of bytes are whole numbers that float64 holds, so their order has no effect.
    """
    count, total = 0, np.zeros(whitening.PATCH)
    products = np.zeros((whitening.PATCH, whitening.PATCH))
    for image in images:
        corners = (image[:-1, :-1], image[:-1, 1:], image[1:, :-1], image[1:, 1:])
        patches = np.concatenate(corners, axis=-1).reshape(-1, whitening.PATCH).astype(np.float64)
        count, total = count + len(patches), total + patches.sum(axis=0)
        products += patches.T @ patches
    if not count:
        raise DataError(
            "model.stem=whitened: expected training images to whiten, could read none; see "
            "`inception-jax data check`, or set --config.model.stem=small"
        )
    mean = total / count
    found = products / count - np.outer(mean, mean)
    if found.trace() < 1e-6:
        raise DataError(
            "model.stem=whitened: expected images with edges, got ones of one colour; set "
            "--config.model.stem=small"
        )
    return found


def _images(source: Source, data: sections.Data) -> Iterator[np.ndarray]:
    """The evaluation crops of the images that are whitened; unreadable ones are left out."""
    count = min(IMAGES, len(source))
    for i in range(count):
        try:
            yield centre(Picture(source.stored(i * len(source) // count)), data)
        except BadImageError:
            continue
