"""Metrics as sums over images: exact for any number of images, batches and devices.

The device computes an image's log-probabilities; the host reduces these to four numbers
(`per_image`) and a split to sums (`Sums`), which are divided once, at the end.
"""

from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

BINS = 15  # of the calibration histogram: Guo et al., arXiv:1706.04599


def rank(
    logits: Float[Array | np.ndarray, "b c"],
    labels: Int[Array | np.ndarray, " b"],
    xp: ModuleType = jnp,
) -> Int[Array | np.ndarray, " b"]:
    """The rank [b] of each label among its `logits` [b, c], from 0, which is a top-1 hit.

    Equal logits are ordered by class, as argmax does. A row with a logit that is not finite has
    rank c. `xp` is jax.numpy, or numpy on the host.
    """
    count = logits.shape[-1]
    own = xp.take_along_axis(logits, labels[:, None], axis=-1)
    before = xp.arange(count, dtype=labels.dtype) < labels[:, None]
    ahead = (logits > own) | ((logits == own) & before)
    finite = xp.isfinite(logits).all(axis=-1)
    return xp.where(finite, ahead.sum(axis=-1), count)


def per_image(
    log: Float[np.ndarray, "b c"], labels: Int[np.ndarray, " b"]
) -> dict[str, Shaped[np.ndarray, " b"]]:
    """Loss, rank of the label, prediction and its probability, each [b], of log-probabilities."""
    return {
        "loss": -np.take_along_axis(log, labels[:, None], axis=-1)[:, 0],
        "rank": np.asarray(rank(log, labels, np)),
        "prediction": log.argmax(axis=-1),
        "confidence": np.exp(log.max(axis=-1)),
    }


class Sums:
    """Sums over the images of a split."""

    def __init__(self, classes: int):
        # Images by label (row) and prediction (column).
        self.confusion = np.zeros((classes, classes), np.int64)
        self.loss = 0.0  # cross-entropy in nats
        self.top1 = self.top5 = 0  # images whose label ranks first, or among the first five
        self.calibration = np.zeros((3, BINS))  # images, confidence and hits by confidence

    def add(
        self, image: dict[str, Shaped[np.ndarray, " b"]], labels: Int[np.ndarray, " b"]
    ) -> None:
        """Adds images with `labels` [b]; `image` is the result of `per_image`."""
        rank, confidence = image["rank"], image["confidence"].astype(np.float64)
        np.add.at(self.confusion, (labels, image["prediction"]), 1)
        self.loss += float(image["loss"].astype(np.float64).sum())
        self.top1 += int((rank < 1).sum())
        self.top5 += int((rank < 5).sum())
        bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
        for row, values in enumerate((np.ones_like(confidence), confidence, rank < 1)):
            np.add.at(self.calibration[row], bins, values)

    @property
    def count(self) -> int:
        """Images counted."""
        return int(self.confusion.sum())

    def compute(self) -> dict[str, Any]:
        """count, loss, top1, top5 and ece; fractions of the images counted."""
        n = max(self.count, 1)
        _, confidence, hits = self.calibration
        return {
            "count": self.count,
            "loss": self.loss / n,
            "top1": self.top1 / n,
            "top5": self.top5 / n,
            "ece": float(np.abs(confidence - hits).sum() / n),
        }

    def per_class(self) -> list[dict[str, Any]]:
        """Images and top-1 of every class."""
        counts, hits = self.confusion.sum(axis=1), self.confusion.diagonal()
        return [
            {"class": i, "count": int(n), "top1": float(h / n) if n else None}
            for i, (n, h) in enumerate(zip(counts, hits, strict=True))
        ]

    def reliability(self) -> list[dict[str, Any]]:
        """Mean confidence and accuracy of each bin; None where it is empty."""
        rows = []
        for i, (n, confidence, hits) in enumerate(self.calibration.T):
            mean = (float(confidence / n), float(hits / n)) if n else (None, None)
            rows.append(
                {"lo": i / BINS, "hi": (i + 1) / BINS, "count": int(n),
                 "confidence": mean[0], "accuracy": mean[1]}
            )  # fmt: skip
        return rows
