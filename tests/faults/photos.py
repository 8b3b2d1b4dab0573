"""A small folder of images, one of which can block its reader."""

import contextlib
import os
from pathlib import Path

import cv2
import numpy as np


def pictures(folder: Path) -> Path:
    """Write 240 training images and 24 test images of four classes."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 60), ("test", 6)):
        for label in ("ant", "bee", "cat", "dog"):
            path = folder / split / label
            path.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 255, (10, 12, 3), dtype=np.uint8)
                cv2.imwrite(str(path / f"{i:03}.png"), pixels)
    return folder


def folder_words(folder: Path) -> tuple[str, ...]:
    """The flags of a run on them: 80 steps, 10 per epoch."""
    return (
        "--config.data.source=folder", f"--config.data.dir={folder}", "--config.data.classes=4",
        "--config.model.num_classes=4", "--config.data.batch_size=24", "--config.train.epochs=8.0",
    )  # fmt: skip


@contextlib.contextmanager
def stuck(folder: Path):
    """Block readers of one training image in the body, as a dead NFS server does.

    The run must have listed the files before.
    """
    path = folder / "train" / "cat" / "007.png"
    data = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    try:
        yield path
    finally:
        path.unlink()
        path.write_bytes(data)
