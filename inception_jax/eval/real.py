"""ReaL: the reassessed labels of ImageNet's validation set (arXiv:2006.07159).

`real.json` of google-research/reassessed-imagenet on GitHub is a list of 50,000 lists of classes,
from ILSVRC2012_val_00000001.JPEG on. An image with an empty list is not counted.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inception_jax.data.imagenet import CLASSES, IMAGES, wnids
from inception_jax.errors import ConfigError, DataError
from inception_jax.runtime import user_paths


class Real:
    """The ReaL labels of a split, whose images have the validation `ids`, 0 for other files.

    Raises:
        ConfigError: the file does not exist.
        DataError: it is not in the official format, or the images are not ImageNet's.
    """

    def __init__(self, path: Path, classes: Sequence[str], ids: np.ndarray):
        if not path.is_file():
            raise ConfigError(f"--real={path}: expected the file real.json, found none")
        if tuple(classes) != wnids():
            raise DataError(
                f"--real={path}: expected data with ImageNet's 1,000 classes (n01440764, "
                f"...), got {len(classes)} classes such as {classes[0]!r}"
            )
        try:
            lists = json.loads(user_paths.read_text(path, "--real"))
        except json.JSONDecodeError:
            lists = None
        if not _official(lists):
            raise DataError(f"--real={path}: expected a JSON list of 50,000 lists of classes")
        if not ids.any():
            raise DataError(f"--real={path}: expected files named ILSVRC2012_val_00000001.JPEG ...")
        self._lists: list[list[int]] = lists
        self._ids = ids

    def hits(self, index: np.ndarray, log: np.ndarray) -> tuple[int, int, int]:
        """Counted images, top-1 and top-5 hits, from log-probabilities [n, 1000].

        An image is a hit if its prediction, or one of the first five, is among its labels.
        """
        count = top1 = top5 = 0
        for row, number in zip(log, self._ids[index].tolist(), strict=True):
            labels = self._lists[number - 1] if number else []
            if labels:
                count += 1
                five = np.argsort(-row, kind="stable")[:5].tolist()
                finite = bool(np.isfinite(row).all())
                top1 += finite and five[0] in labels
                top5 += finite and not set(five).isdisjoint(labels)
        return count, top1, top5


def _official(lists: Any) -> bool:
    return (
        isinstance(lists, list)
        and len(lists) == IMAGES["validation"]
        and all(
            isinstance(x, list) and all(type(c) is int and 0 <= c < CLASSES for c in x)
            for x in lists
        )
    )
