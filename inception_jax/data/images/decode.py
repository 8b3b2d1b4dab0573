"""Decodes the bytes of an image file to RGB pixels."""

import struct

import cv2
import numpy as np
import simplejpeg

JPEG = b"\xff\xd8"
SIGNATURES = {JPEG: "JPEG", b"\x89PNG": "PNG", b"RIFF": "WebP", b"BM": "BMP"}
# Left-over bytes after the last row lose no pixel; TensorFlow's decoder accepts them too.
HARMLESS = "extraneous bytes before marker 0xd9"
MAX_PIXELS = 2**27  # 400 MB of a thread's memory; the largest photograph of ImageNet has 2^24

# Our message for a damaged file has its name; OpenCV's has not.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class BadImageError(ValueError):
    """Bytes that are not a complete, readable image."""


def decode(data: bytes, fast_dct: bool = False) -> np.ndarray:
    """Decode a JPEG, a PNG or any other format that OpenCV reads.

    libjpeg-turbo decodes JPEGs and refuses truncated ones. The format is recognised by the first
    bytes, never by the file's name. EXIF orientation and transparency are ignored, as by
    TensorFlow's decoder, with which the published networks were trained. `fast_dct` decodes a JPEG
    by libjpeg's less accurate transform, TensorFlow's default.

    Returns:
        uint8 [h, w, 3], RGB.

    Raises:
        BadImageError: empty, truncated or unrecognised bytes, or more than 2^27 pixels.
    """
    if not data:
        raise BadImageError("the file is empty")
    height, width = _size(data)
    if height * width > MAX_PIXELS:
        raise BadImageError(
            f"{width}x{height} pixels are too many to decode (at most {MAX_PIXELS:,}): "
            f"shrink it, or store it as JPEG and install libjpeg-turbo 3 (pip install turbojpeg)"
        )
    pixels = _jpeg(data, fast_dct) if data.startswith(JPEG) else None
    return _any(data) if pixels is None else pixels


def _size(data: bytes) -> tuple[int, int]:
    """Height and width in the header of a JPEG, PNG or BMP; (0, 0) for other formats.

    WebP has at most 16,383 pixels a side; OpenCV limits all formats to 2^30 pixels.
    """
    if data.startswith(JPEG):
        try:
            height, width, *_ = simplejpeg.decode_jpeg_header(data)
            return int(height), int(width)
        except ValueError:
            return 0, 0
    if data.startswith(b"\x89PNG") and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return height, width
    if data.startswith(b"BM") and len(data) >= 26:
        width, height = struct.unpack("<ii", data[18:26])
        return abs(height), width
    return 0, 0


def _jpeg(data: bytes, fast: bool) -> np.ndarray | None:
    """Pixels of a JPEG, or None for a chroma subsampling that simplejpeg does not support."""
    try:
        return simplejpeg.decode_jpeg(data, colorspace="RGB", fastdct=fast)
    except ValueError as e:
        if HARMLESS in str(e):
            return simplejpeg.decode_jpeg(data, "RGB", fastdct=fast, strict=False)
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
