"""A small folder of images on which a file system can hang."""

import contextlib
import os
from pathlib import Path

import cv2
import numpy as np


def pictures(folder: Path) -> Path:
    """240 images of four classes to train on, 24 to test on."""
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
    """The config of a run on them: 80 steps, 10 an epoch."""
    return (
        "--config.data.source=folder", f"--config.data.dir={folder}", "--config.data.classes=4",
        "--config.model.num_classes=4", "--config.data.batch_size=24", "--config.train.epochs=8.0",
    )  # fmt: skip


@contextlib.contextmanager
def stuck(folder: Path):
    """Within it, who opens one of the training images waits for ever, as on a dead NFS server.

    A run must have listed the files before.
    """
    path = folder / "train" / "cat" / "007.png"
    kept = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    try:
        yield path
    finally:
        path.unlink()
        path.write_bytes(kept)
