"""Images as data: URIs, which are embedded in the page."""

import base64
from typing import NamedTuple

import cv2
import numpy as np
import simplejpeg

EXACT_SIDE = 64  # images up to this size are lossless (PNG), larger ones JPEG thumbnails
THUMBNAIL_SIDE = 160


class EmbeddedImage(NamedTuple):
    """An image as a data: URI, its size in pixels, and a caption."""

    uri: str
    width: int
    height: int
    caption: str


def png(image: np.ndarray) -> str:
    """Encode uint8 [h, w, 3] (RGB) or [h, w, 4] (RGBA) as a lossless data: URI."""
    image = image[..., [2, 1, 0, 3][: image.shape[2]]]  # OpenCV's order is BGR(A)
    data = cv2.imencode(".png", np.ascontiguousarray(image))[1]
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def photograph(image: np.ndarray) -> str:
    """Encode uint8 [h, w, 3] as a data: URI at its own size: lossless if small, else JPEG."""
    return png(image) if max(image.shape[:2]) <= EXACT_SIDE else _jpeg(image)


def thumbnail(image: np.ndarray) -> str:
    """Encode uint8 [h, w, 3] as a data: URI: lossless if small, else a reduced JPEG."""
    height, width = image.shape[:2]
    if max(height, width) <= EXACT_SIDE:
        return png(image)
    shrink = min(1.0, THUMBNAIL_SIDE / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return _jpeg(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def _jpeg(image: np.ndarray) -> str:
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=85, colorspace="RGB")
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def filters(kernel: np.ndarray) -> EmbeddedImage:
    """Draw a convolution kernel [kh, kw, cin, cout] as a grid with one tile per output channel.

    Each filter is scaled to its own full range. Three input channels are drawn as RGB; any other
    number is averaged to grey. Gaps are transparent. A tile is about 36 pixels wide.
    """
    height, width, cin, cout = kernel.shape
    pixel = max(3, 36 // max(height, width))  # the side of the square that is one weight
    tiles = np.nan_to_num(kernel.astype(np.float32)).transpose(3, 0, 1, 2)
    if cin != 3:
        tiles = tiles.mean(axis=3, keepdims=True).repeat(3, axis=3)
    low = tiles.min(axis=(1, 2, 3), keepdims=True)
    span = tiles.max(axis=(1, 2, 3), keepdims=True) - low
    tiles = np.where(span > 0, (tiles - low) / np.where(span > 0, span, 1), 0.5)
    columns = next(c for c in (8, 12, 16, 24, 32) if c * c >= cout / 2 or c == 32)
    rows = -(-cout // columns)
    grid = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1, 4), np.uint8)
    for i, tile in enumerate(tiles):
        y, x = i // columns * (height + 1), i % columns * (width + 1)
        grid[y : y + height, x : x + width, :3] = np.round(tile * 255)
        grid[y : y + height, x : x + width, 3] = 255
    grid = grid.repeat(pixel, axis=0).repeat(pixel, axis=1)
    caption = f"{cout} filters of {height}×{width}×{cin}, each scaled to its own range"
    return EmbeddedImage(png(grid), grid.shape[1], grid.shape[0], caption)
