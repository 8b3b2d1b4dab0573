"""Photographs as the peers' input; needs only NumPy and Pillow, which every environment has."""

import os
from pathlib import Path

import numpy as np


def photos(size: int, count: int = 2) -> np.ndarray:
    """`count` photographs of INCEPTION_JAX_DATA, in -1..1: float32 [count, size, size, 3]."""
    from PIL import Image

    files = sorted(Path(os.environ["INCEPTION_JAX_DATA"], "imagenet").rglob("*.JPEG"))
    files = files or sorted(Path(os.environ["INCEPTION_JAX_DATA"], "imagenet").rglob("*.jpg"))
    images = [Image.open(f).convert("RGB").resize((size, size)) for f in files[:count]]
    return np.stack([np.asarray(i, np.float32) for i in images]) / 127.5 - 1
