"""JPEGs of noise in every chroma subsampling, and boxes of them."""

import cv2
import numpy as np
from hypothesis import strategies as st

from inception_jax.data.images.picture import Box
from tests.data.pictures import encoded

NOISE = np.random.default_rng(0).integers(0, 256, (73, 117, 3), dtype=np.uint8)
SAMPLINGS = ("444", "422", "420", "440", "411", "Gray")


def jpeg(image: np.ndarray, subsampling: str = "420", progressive: bool = False) -> bytes:
    """A JPEG with a chroma subsampling."""
    if subsampling == "Gray":
        return encoded(image[..., 1], ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive))
    factor = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{subsampling}")
    options = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor)
    return encoded(image, ".jpg", *options, cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive))


@st.composite
def boxes(draw, height=NOISE.shape[0], width=NOISE.shape[1]):
    """Any box of an image."""
    y, x = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    return Box(y, x, draw(st.integers(1, height - y)), draw(st.integers(1, width - x)))
