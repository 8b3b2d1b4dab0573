"""The result of an evaluation: metrics, the most confident mistakes, and files for the report."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from inception_jax.config import sections, tasks
from inception_jax.data.images.channels import shown
from inception_jax.data.images.crops import evaluated_size
from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.source import Source
from inception_jax.eval.measure import Measure, WrongPrediction
from inception_jax.eval.views import centre
from inception_jax.models import Network
from inception_jax.workdir import atomic


class Result:
    """A split's metrics, its worst mistakes, and the images that could not be read.

    Attributes:
        measure: the task's, of the images that could be read.
        unreadable: names of the others, and why.
    """

    def __init__(self, measure: Measure):
        self.measure = measure
        self.unreadable: dict[str, str] = {}

    @property
    def seen(self) -> int:
        """Images counted."""
        return self.measure.count

    @property
    def mistakes(self) -> list[WrongPrediction]:
        """The worst images."""
        return self.measure.worst

    def add(self, index: np.ndarray, label: np.ndarray, outputs: np.ndarray) -> None:
        """Adds images [b]: see `Measure.add`."""
        self.measure.add(index, label, outputs)

    def save(
        self, path: Path, head: Mapping[str, Any], *, source: Source, data: sections.Data,
        model: Network, variables: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Writes `path`, a .json file with the keys of `head` too, and the .npz file beside it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = self._arrays(source, data) | {"filters": _filters(model, variables)}
        with atomic.replacing(path.with_suffix(".npz"), ".npz") as partial:
            np.savez_compressed(partial, **arrays)  # type: ignore[arg-type]
        summary = {
            "task": data.task,
            **self.measure.compute(),
            "classes": list(source.classes),
            **self.measure.details(source.classes),
            "unreadable": self.unreadable,
            "model": model.NAME,
            "params": _size(variables["params"]),
        }
        atomic.write_text(path, json.dumps({**head, **summary}))

    def _arrays(self, source: Source, data: sections.Data) -> dict[str, np.ndarray]:
        """The mistakes: their evaluation crops in colours, labels and predictions."""
        size, rows = evaluated_size(data), self.mistakes
        kind = np.float64 if tasks.of(data).vector else np.int64
        images = np.zeros((len(rows), size, size, 3), np.uint8)
        for image, row in zip(images, rows, strict=True):
            image[:] = shown(centre(Picture(source.stored(row.index)), data))
        return {
            "mistake_images": images,
            "mistake_labels": np.asarray([m.label for m in rows], kind),
            "mistake_predictions": np.asarray([m.prediction for m in rows], kind),
            "mistake_probabilities": np.asarray([m.confidence for m in rows]),
            "mistake_ids": np.asarray([source.name(m.index) for m in rows], str),
        }


def _size(params: Mapping[str, Any]) -> int:
    """The number of parameters; evaluation leaves out the auxiliary heads."""
    used = {name: layer for name, layer in params.items() if not name.startswith("aux_")}
    return sum(leaf.size for leaf in jax.tree.leaves(used))


def _filters(model: Network, variables: Mapping[str, Any]) -> np.ndarray:
    """The kernel of the first layer; empty if that is no convolution."""
    first = model.rows()[0].name
    kernel = variables["params"].get(first, {}).get("kernel", np.zeros((0, 0, 0, 0)))
    return np.asarray(kernel, np.float32)
