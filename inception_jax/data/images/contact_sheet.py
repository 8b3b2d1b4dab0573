"""A picture of a training batch, as the network sees it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inception_jax.config import Config
from inception_jax.data import pipeline
from inception_jax.data.images import channels
from inception_jax.data.sources.listing import SUFFIXES
from inception_jax.data.sources.source import Source
from inception_jax.errors import ConfigError, shown
from inception_jax.workdir import atomic

COLUMNS, MAX_IMAGES = 8, 64
CAPTION, FONT_SIZE = 18, 13  # pixels: the strip below an image, and the text in it


def write(
    config: Config,
    source: Source,
    step: int,
    size: int,
    out: Path,
    augment: Callable[[Any, int], Any],
) -> Path:
    """Write 64 images of a training step as a grid 8 images wide: the first, or of each repeat.

    Below each is its class, or both classes where it may be mixed with its neighbour. They have
    `size` pixels. `augment` gives the pixels [n, s, s, c] over 255, those of 8 bits in [0, 1] where
    they are not noise, of a batch as it was read and the step.

    Raises:
        ConfigError: the suffix of `out` is not that of an image.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{out}: expected a file name ending in {', '.join(SUFFIXES)}")
    d = config.data
    read = pipeline.TrainReader(source, d, config.seed, config.augment).resized(size)
    spans = places(d.batch_size, config.augment.repeats)
    count = sum(map(len, spans))
    batch, done = read.empty(count), 0
    for span in spans:
        positions = range(step * d.batch_size + span.start, step * d.batch_size + span.stop)
        read(positions, {k: v[done : done + len(span)] for k, v in batch.items()})
        done += len(span)
    pixels = np.asarray(augment(batch, step)) * 255
    if d.dtype == "uint8":
        pixels = pixels.clip(0, 255).round().astype(np.uint8)
    images = np.stack([channels.shown(image) for image in pixels])
    scale = max(1, round(128 / size))
    images = images.repeat(scale, 1).repeat(scale, 2)
    border = ((0, -count % COLUMNS), (0, CAPTION + 2), (0, 2), (0, 0))
    tiles = np.pad(images, border, constant_values=255)
    for tile, name in zip(tiles, captions(config.augment, batch["label"], source), strict=False):
        _write_below(tile, name)
    high, wide = tiles.shape[1:3]
    sheet = tiles.reshape(-1, COLUMNS, high, wide, 3).swapaxes(1, 2).reshape(-1, COLUMNS * wide, 3)
    data = cv2.imencode(out.suffix, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1].tobytes()
    with atomic.naming(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(data)
    return out


def captions(augment: Any, labels: np.ndarray, source: Source) -> list[str]:
    """The labels of each image, `a + b` where it may be mixed with its neighbour."""
    names = [shown(named(label, source)) for label in labels]
    if not (augment.mixup or augment.cutmix):
        return names
    pairs = [(name, names[i ^ 1]) for i, name in enumerate(names)]
    return [a if a == b else f"{a} + {b}" for a, b in pairs]


def named(label: Any, source: Source) -> str:
    """A class by its name, several labels by theirs, values as numbers."""
    if np.ndim(label) == 0:
        return source.classes[int(label)]
    if set(np.unique(label)) <= {0, 1}:
        return ", ".join(name for name, x in zip(source.classes, label, strict=True) if x) or "none"
    return ", ".join(f"{x:.4g}" for x in label)


def _write_below(tile: np.ndarray, name: str) -> None:
    """Write `name` into the strip below a tile's image, cut to its width.

    The font is the one inside OpenCV: Latin, Greek, Cyrillic, Chinese, Japanese, Korean and more,
    whatever fonts the machine has; `?` stands for a letter that it lacks.
    """
    high, wide = tile.shape[:2]
    font, text = cv2.FontFace("sans"), name  # pyright: ignore
    while len(text) > 1 and _width(text, font) > wide - 4:
        text = f"{text.removesuffix('…')[:-1]}…"
    cv2.putText(tile, text, (1, high - 7), (0, 0, 0), font, FONT_SIZE)  # pyright: ignore


def _width(text: str, font: Any) -> int:
    """Pixels from the left end of a text to its right end."""
    return cv2.getTextSize((1 << 15, 100), text, (0, 50), font, FONT_SIZE)[2]  # pyright: ignore


def places(batch_size: int, repeats: int) -> list[range]:
    """Which places of a batch are shown: with `repeats`, pairs of images from each one's start."""
    if batch_size <= MAX_IMAGES or repeats == 1:
        return [range(min(batch_size, MAX_IMAGES))]
    each = max(2, MAX_IMAGES // repeats // 2 * 2)
    starts = [r * batch_size // repeats // 2 * 2 for r in range(min(repeats, MAX_IMAGES // each))]
    return [range(start, start + each) for start in starts]
