"""Bytes of an image file to RGB pixels."""

import cv2
import numpy as np
import simplejpeg

JPEG = b"\xff\xd8"
SIGNATURES = {JPEG: "JPEG", b"\x89PNG": "PNG", b"RIFF": "WebP", b"BM": "BMP"}
# A photograph with bytes left over after its last row is whole; TensorFlow's decoder reads it too.
HARMLESS = "extraneous bytes before marker 0xd9"

# What OpenCV says about a damaged file, we say once, with the file's name.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class BadImageError(ValueError):
    """Bytes that are not a whole, readable image."""


def decode(data: bytes) -> np.ndarray:
    """Decodes a JPEG, PNG or any other format OpenCV reads.

    JPEG goes through libjpeg-turbo, which refuses truncated files; the container is recognised by
    its first bytes, never by the file's name. EXIF orientation and transparency are ignored, as by
    TensorFlow's decoder, with which the published networks were trained.

    Returns:
        uint8 [h, w, 3], RGB.

    Raises:
        BadImageError: empty, truncated or unrecognised bytes.
    """
    if not data:
        raise BadImageError("the file is empty")
    pixels = _jpeg(data) if data.startswith(JPEG) else None
    return _any(data) if pixels is None else pixels


def _jpeg(data: bytes) -> np.ndarray | None:
    """Pixels of a JPEG, or None for one with a chroma subsampling that simplejpeg does not know."""
    try:
        return simplejpeg.decode_jpeg(data, colorspace="RGB")
    except ValueError as e:
        if HARMLESS in str(e):
            return simplejpeg.decode_jpeg(data, colorspace="RGB", strict=False)
        if "subsampling" in str(e):
            return None
        raise BadImageError(f"damaged JPEG: {e}") from e


def _any(data: bytes) -> np.ndarray:
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as e:
        raise BadImageError(str(e).splitlines()[0]) from e
    if pixels is None:
        kind = next((name for start, name in SIGNATURES.items() if data.startswith(start)), "")
        raise BadImageError(
            f"damaged or truncated {kind}" if kind else f"not an image: it starts with {data[:8]!r}"
        )
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
