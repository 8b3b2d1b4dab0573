"""Bytes of an image file to RGB pixels."""

import cv2
import numpy as np
import simplejpeg

JPEG = b"\xff\xd8"


class BadImageError(ValueError):
    """Bytes that are not a whole, readable image."""


def decode(data: bytes) -> np.ndarray:
    """Decodes a JPEG, PNG or any other format OpenCV reads.

    JPEG goes through libjpeg-turbo, which refuses truncated files; the container is recognised by
    its first bytes, never by the file's name. EXIF orientation is ignored, as by TensorFlow's
    decoder, with which the published networks were trained.

    Returns:
        uint8 [h, w, 3], RGB.

    Raises:
        BadImageError: empty, truncated or unrecognised bytes.
    """
    if not data:
        raise BadImageError("the file is empty")
    try:
        if data.startswith(JPEG):
            *_, colorspace, _ = simplejpeg.decode_jpeg_header(data)
            if colorspace not in ("CMYK", "YCCK"):  # which simplejpeg leaves inverted
                return simplejpeg.decode_jpeg(data, colorspace="RGB")
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except (ValueError, cv2.error) as e:
        raise BadImageError(str(e).splitlines()[0]) from e
    if pixels is None:
        raise BadImageError(f"not an image: it starts with {data[:8]!r}")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
