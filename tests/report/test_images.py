"""Tests `report/images.py`: pixels in data: URIs."""

import base64

import cv2
import numpy as np

from inception_jax.report import images


def decoded(uri: str) -> np.ndarray:
    """The picture in a data: URI, channels in OpenCV's order."""
    data = np.frombuffer(base64.b64decode(uri.split(",", 1)[1]), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert image is not None
    return np.asarray(image)


def test_small_thumbnail_is_lossless() -> None:
    """A 32-pixel image keeps every pixel, in RGB order."""
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    np.testing.assert_array_equal(decoded(images.thumbnail(image))[..., ::-1], image)


def test_large_thumbnail_is_reduced() -> None:
    """A photograph is reduced to 160 pixels, with its aspect ratio and colour."""
    image = np.full((200, 400, 3), (200, 30, 60), np.uint8)
    small = decoded(images.thumbnail(image))
    assert small.shape == (80, 160, 3)
    assert np.abs(small[40, 80, ::-1] - np.array([200.0, 30, 60])).max() < 4


def test_filters_use_their_full_range() -> None:
    """Each filter runs from black to white whatever its scale; a constant one is grey.

    Tiles are separated by transparent gaps and weights are squares of 18 pixels.
    """
    kernel = np.zeros((2, 2, 3, 3), np.float32)
    kernel[0, 0, :, 0], kernel[0, 0, :, 1] = 1000.0, -1e-4
    picture = images.filters(kernel)
    grid = decoded(picture.uri)[::18, ::18]
    assert grid[0, 0].tolist() == [255, 255, 255, 255] and grid[1, 1].tolist() == [0, 0, 0, 255]
    assert grid[0, 3].tolist() == [0, 0, 0, 255] and grid[1, 4].tolist() == [255] * 4
    assert grid[0, 6, 0] in (127, 128)
    assert grid[0, 2, 3] == 0
    assert picture.caption == "3 filters of 2×2×3, each scaled to its own range"
