"""Evaluation of a whole split: every image once, on any number of devices."""

import heapq
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from inception_jax import mesh as meshes
from inception_jax.data import open_source, pipeline
from inception_jax.data.source import Source
from inception_jax.metrics import Sums
from inception_jax.models import Network, describe
from inception_jax.progress import Progress
from inception_jax.rundir import replace

MISTAKES = 48  # the most confident ones that are kept, with their pixels


@dataclass
class Result:
    """A split's sums, its most confident mistakes, and the images that could not be read."""

    sums: Sums
    mistakes: list[dict[str, Any]]
    bad: dict[str, str]


class Evaluator:
    """Evaluates one split as often as it is asked to; the program is compiled once."""

    def __init__(self, config: Any, model: Network, mesh: Mesh, split: str):
        from inception_jax.steps import make_eval_step

        self.split = split
        self.source: Source = open_source(config.data, split)
        self._config, self._model, self._mesh = config, model, mesh
        ways = meshes.shards(mesh)
        self._batch_size = -(-config.eval.batch_size // ways) * ways
        self._step = make_eval_step(model, mesh)

    def run(
        self,
        variables: Any,
        *,
        stop: Callable[[], None] = lambda: None,
        quiet: bool = False,
    ) -> Result:
        """Evaluates `variables` on the split; `stop` is called between batches and may raise."""
        read = pipeline.EvalReader(self.source, self._config.data)
        sums = Sums.empty(self._model.num_classes)
        mistakes: list[tuple[float, int, dict[str, Any]]] = []
        bar = Progress(len(self.source), label=f"eval {self.split}", quiet=30)
        done = 0
        for batch in self._batches(read):
            stop()
            device = meshes.put({k: batch[k] for k in ("image", "label")}, meshes.batch(self._mesh))
            image = jax.device_get(self._step(variables, device))
            sums.add(image, batch["label"], batch["mask"])
            keep_mistakes(mistakes, batch, image)
            done += int(batch["mask"].sum())
            if not quiet:
                bar.update(done, {"top1": f"{sums.top1 / max(sums.count, 1):.2%}"})
        bar.close()
        worst = [m for *_, m in sorted(mistakes, key=lambda m: -m[0])]
        return Result(sums, worst, dict(read.bad.reasons))

    def _batches(self, read: pipeline.EvalReader) -> Iterator[pipeline.Batch]:
        steps = range(-(-len(self.source) // self._batch_size))
        return pipeline.batches(read, self._batch_size, steps, self._config.data.threads)

    def save(self, workdir: Path, result: Result, variables: Any, step: int, epoch: float) -> Path:
        """Writes eval/<split>.json and .npz, what the report is drawn from."""
        folder = workdir / "eval"
        folder.mkdir(exist_ok=True)
        first = self._model.rows()[0].name
        filters = variables["params"].get(first, {}).get("kernel", np.zeros((0, 0, 0, 0)))
        arrays = {
            "mistake_images": np.asarray([m["image"] for m in result.mistakes], np.uint8),
            "mistake_labels": np.asarray([m["label"] for m in result.mistakes], np.int64),
            "mistake_predictions": np.asarray([m["prediction"] for m in result.mistakes], np.int64),
            "mistake_probabilities": np.asarray([m["confidence"] for m in result.mistakes]),
            "mistake_ids": np.asarray([self.source.name(m["index"]) for m in result.mistakes], str),
            "filters": np.asarray(filters, np.float32),
        }
        partial = folder / f"{self.split}.partial.npz"
        np.savez_compressed(partial, **arrays)
        partial.rename(folder / f"{self.split}.npz")
        summary = {
            "split": self.split,
            "step": step,
            "epoch": epoch,
            "weights": "ema" if self._config.ema.decay > 0 else "raw",
            **result.sums.compute(),
            "classes": list(self.source.classes),
            "per_class": result.sums.per_class(),
            "confusion": result.sums.confusion.tolist(),
            "calibration": result.sums.reliability(),
            "unreadable": result.bad,
            "model": self._model.NAME,
            "params": describe(self._model, self._config.data.image_size).params,
        }
        replace(folder / f"{self.split}.json", json.dumps(summary))
        return folder / f"{self.split}.json"


def keep_mistakes(
    kept: list[tuple[float, int, dict[str, Any]]], batch: pipeline.Batch, image: dict[str, Any]
) -> None:
    """Keeps the most confident wrong predictions of all batches seen, ties by index."""
    wrong = (image["rank"] > 0) & (batch["mask"] > 0)
    for i in np.flatnonzero(wrong):
        confidence, index = float(image["confidence"][i]), int(batch["index"][i])
        if len(kept) == MISTAKES and (confidence, -index) <= kept[0][:2]:
            continue
        mistake = {
            "image": batch["image"][i].copy(),
            "label": int(batch["label"][i]),
            "prediction": int(image["prediction"][i]),
            "confidence": confidence,
            "index": index,
        }
        entry = (confidence, -index, mistake)
        (heapq.heappushpop if len(kept) == MISTAKES else heapq.heappush)(kept, entry)
