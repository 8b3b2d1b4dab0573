"""What a prepared set holds of each image: its file, a smaller JPEG of it, or its pixels."""

from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

import cv2
import numpy as np
from PIL import Image

from inception_jax.data.images.kind import examine
from inception_jax.data.images.picture import Box, Picture, Stored

LONGEST_SIDE = 65_500  # of a JPEG that libjpeg writes
LIBRARIES = ("opencv-python-headless", "pillow", "simplejpeg", "turbojpeg")


@dataclass(frozen=True)
class Contract:
    """The function from an image's file to what is stored; the same versions give the same bytes.

    Attributes:
        side: pixels of the short side, at most; 0: as many as the image has.
        quality: of the JPEG that is stored, 1 to 100; 0: the file's own bytes, or pixels.
        raw: store decoded pixels.
    """

    side: int = 0
    quality: int = 0
    raw: bool = False

    @property
    def keeps_files(self) -> bool:
        """Whether the bytes of every file are stored unchanged."""
        return not (self.quality or self.raw)

    @property
    def format(self) -> str:
        """The suffix of the shards, and `data.source`: `array_record` or `raw`."""
        return "raw" if self.raw else "array_record"

    def json(self) -> dict[str, Any]:
        """The flags, the versions of the libraries that decide the bytes, and the text."""
        used = {} if self.keeps_files else versions()
        return {**asdict(self), "versions": used, "text": self.text()}

    def text(self) -> str:
        """The contract in words."""
        if self.keeps_files:
            return "the bytes of every file"
        short = (
            f"short side at most {self.side} pixels (a larger image is resized by Pillow's "
            f"antialiased bicubic filter, its long side rounded to the nearest pixel)"
            if self.side
            else "the size of the image"
        )
        decoded = "8-bit RGB, EXIF orientation ignored, a JPEG above 2^26 pixels at a half or less"
        if self.raw:
            return f"pixels as decoded ({decoded}); {short}"
        return (
            f"every image decoded ({decoded}) and encoded again: "
            f"{short}; JPEG of quality {self.quality}, baseline, 4:2:0, optimised Huffman tables, "
            f"no metadata"
        )

    def convert(self, data: bytes) -> Stored:
        """What is stored of a file; raises BadImageError if it cannot be read.

        A JPEG cannot have more than 65,500 pixels a side: the file of such an image is stored.
        """
        if self.keeps_files:
            examine(data)
            return data
        picture = Picture(data)
        # Equal to `whole`; a JPEG of more than 2^26 pixels at a half, a quarter or an eighth.
        pixels = shrunk(picture.inside(Box(0, 0, picture.height, picture.width)), self.side)
        if self.raw:
            return np.ascontiguousarray(pixels)
        return data if max(pixels.shape) > LONGEST_SIDE else encoded(pixels, self.quality)


def stored_bytes(stored: Stored) -> int:
    """Bytes of a stored image."""
    return len(stored) if isinstance(stored, bytes) else stored.nbytes


def shrunk(pixels: np.ndarray, side: int) -> np.ndarray:
    """The pixels, uint8 [h, w, 3], with a short side of at most `side`; all of them if it is 0.

    Pillow's filter covers all that an output pixel replaces, and computes in integers: the result
    does not depend on how a processor rounds. At 299 pixels its crops are also nearer to the
    original's than those of OpenCV's `INTER_AREA` (`experiments/input/README.md`).
    """
    height, width = pixels.shape[:2]
    short = min(height, width)
    if not side or short <= side:
        return pixels
    size = [(2 * n * side + short) // (2 * short) for n in (width, height)]
    return np.asarray(Image.fromarray(pixels).resize((size[0], size[1]), Image.Resampling.BICUBIC))


def encoded(pixels: np.ndarray, quality: int) -> bytes:
    """A baseline JPEG of pixels, uint8 [h, w, 3], by OpenCV's libjpeg-turbo.

    Half the chroma in each direction (4:2:0) and Huffman tables of the image's own: both make it
    smaller and faster to decode. Restart markers, of which a crop's alone could be decoded, are not
    worth it: libjpeg-turbo decodes such files by its slower Huffman decoder
    (`experiments/input/README.md`).
    """
    options = {
        cv2.IMWRITE_JPEG_QUALITY: quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
        cv2.IMWRITE_JPEG_OPTIMIZE: 1,
    }
    flat = [number for pair in options.items() for number in pair]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), flat)
    return data.tobytes()


def versions() -> dict[str, str]:
    """The installed versions of the libraries that decide the bytes of a set."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # the system's own
            continue
    return found
