"""A picture of a training batch, as the network sees it."""

from pathlib import Path

import cv2
import jax
import numpy as np

from inception_jax.config import Config
from inception_jax.data import pipeline
from inception_jax.data.images import distort
from inception_jax.data.sources.listing import SUFFIXES
from inception_jax.data.sources.source import Source
from inception_jax.errors import ConfigError
from inception_jax.workdir import atomic

COLUMNS, MAX_IMAGES = 8, 64


def write(config: Config, source: Source, step: int, out: Path) -> Path:
    """Write the first 64 images of a training step, augmented, as a grid 8 images wide.

    Raises:
        ConfigError: the suffix of `out` is not that of an image.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{out}: expected a file name ending in {', '.join(SUFFIXES)}")
    d = config.data
    read = pipeline.TrainReader(source, d, config.seed, config.augment)
    count = min(d.batch_size, MAX_IMAGES)
    batch = read.empty(count)
    read(range(step * d.batch_size, step * d.batch_size + count), batch)
    keys = distort.image_keys(config.seed, step, d.batch_size)[:count]
    pixels = jax.jit(distort.augment, static_argnames=("flip", "colour"))(
        batch["image"].astype(np.float32) / 255, keys, flip=d.flip, colour=d.colour
    )
    images = np.asarray(pixels * 255).round().astype(np.uint8)
    scale = max(1, round(128 / d.image_size))
    images = images.repeat(scale, 1).repeat(scale, 2)
    border = ((0, -count % COLUMNS), (0, 2), (0, 2), (0, 0))
    tiles = np.pad(images, border, constant_values=255)
    side = tiles.shape[1]
    sheet = tiles.reshape(-1, COLUMNS, side, side, 3).swapaxes(1, 2).reshape(-1, COLUMNS * side, 3)
    data = cv2.imencode(out.suffix, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1].tobytes()
    with atomic.naming(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(data)
    return out
