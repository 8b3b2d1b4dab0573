"""What an evaluation found: sums, the most confident mistakes, and the files of the report."""

import heapq
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np

from inception_jax.data import pipeline
from inception_jax.data.images.picture import Picture
from inception_jax.eval.metrics import Sums, per_image
from inception_jax.models import describe
from inception_jax.workdir import atomic

MISTAKES = 48  # the most confident ones that are kept


@dataclass
class Result:
    """A split's sums, its most confident mistakes, and the images that could not be read.

    Attributes:
        sums: over the images.
        unreadable: names of those that are not among them, and why.
    """

    sums: Sums
    unreadable: dict[str, str] = field(default_factory=dict)
    # (confidence, -index, label, prediction), a heap
    _mistakes: list[tuple[float, int, int, int]] = field(default_factory=list)

    @classmethod
    def empty(cls, classes: int) -> "Result":
        """No images yet."""
        return cls(Sums.empty(classes))

    @property
    def seen(self) -> int:
        """Images counted."""
        return self.sums.count

    @property
    def top1(self) -> float:
        """Share of images whose truth came first."""
        return self.sums.top1 / max(self.seen, 1)

    def add(self, index: np.ndarray, label: np.ndarray, log: np.ndarray) -> None:
        """Adds images [b] by their log-probabilities [b, classes]."""
        image = per_image(log, label)
        self.sums.add(image, label)
        for i in np.flatnonzero(image["rank"] > 0):
            mistake = (
                float(image["confidence"][i]), -int(index[i]), int(label[i]),
                int(image["prediction"][i]),
            )  # fmt: skip
            # The most confident wrong predictions of all images seen, ties by index.
            if len(self._mistakes) < MISTAKES:
                heapq.heappush(self._mistakes, mistake)
            else:
                heapq.heappushpop(self._mistakes, mistake)

    @property
    def mistakes(self) -> list[dict[str, Any]]:
        """The most confident first: index, label, prediction, confidence."""
        worst = sorted(self._mistakes, reverse=True)
        names = ("confidence", "index", "label", "prediction")
        return [dict(zip(names, (c, -i, *rest), strict=True)) for c, i, *rest in worst]

    def save(
        self, path: Path, evaluator: Any, variables: Any, step: int, epoch: float, **more: Any
    ) -> Path:
        """Writes `path`, a .json, and the .npz beside it; in the first process only.

        Args:
            path: the file.
            evaluator: of the split.
            variables: of the network that was evaluated.
            step: of those.
            epoch: of those.
            more: further keys of the summary.
        """
        if jax.process_index() == 0:
            path.parent.mkdir(exist_ok=True)
            arrays: dict[str, Any] = self._arrays(evaluator.source, evaluator.config.data)
            arrays["filters"] = _filters(evaluator.model, variables)
            with atomic.replacing(path.with_suffix(".npz"), ".npz") as partial:
                np.savez_compressed(partial, **arrays)
            summary = self._summary(evaluator, step, epoch) | more
            atomic.write_text(path, json.dumps(summary))
        return path

    def _arrays(self, source: Any, data: Any) -> dict[str, np.ndarray]:
        """The mistakes' pixels as the network's own page crops them, and what was said of them."""
        size, rows = data.image_size, self.mistakes
        images = np.zeros((len(rows), size, size, 3), np.uint8)
        for image, row in zip(images, rows, strict=True):
            pipeline.centre(Picture(source.stored(row["index"])), data, image)
        return {
            "mistake_images": images,
            "mistake_labels": np.asarray([m["label"] for m in rows], np.int64),
            "mistake_predictions": np.asarray([m["prediction"] for m in rows], np.int64),
            "mistake_probabilities": np.asarray([m["confidence"] for m in rows]),
            "mistake_ids": np.asarray([source.name(m["index"]) for m in rows], str),
        }

    def _summary(self, evaluator: Any, step: int, epoch: float) -> dict[str, Any]:
        config, model = evaluator.config, evaluator.model
        return {
            "split": evaluator.split,
            "step": step,
            "epoch": epoch,
            "weights": "ema" if config.ema.decay > 0 else "raw",
            **self.sums.compute(),
            "classes": list(evaluator.source.classes),
            "per_class": self.sums.per_class(),
            "confusion": self.sums.confusion.tolist(),
            "calibration": self.sums.reliability(),
            "unreadable": self.unreadable,
            "model": model.NAME,
            "params": describe(model, config.data.image_size).params,
        }


def _filters(model: Any, variables: Any) -> np.ndarray:
    """The kernel of the first layer; empty where that is no convolution."""
    first = model.rows()[0].name
    kernel = variables["params"].get(first, {}).get("kernel", np.zeros((0, 0, 0, 0)))
    return np.asarray(kernel, np.float32)
