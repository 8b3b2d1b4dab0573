"""The cost of 144-crop evaluation beyond its forward passes: decode, resize, crop, average.

    python experiments/input/crops144.py FOLDER [--model=inception_v3] [--images=500]
        [--batch_size=72] [--dtype=float32] [--threads=N] [--rounds=3]

FOLDER holds photographs, anywhere below it. In each round, in turn: the evaluation with 144 crops,
from files to log-probabilities, and the forward passes alone, of as many pieces of as many views
that lie on the device already. The weights are random. Prints one JSON line: seconds of each,
their ratio (median over rounds), views, and the views a second of the forward passes.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from inception_jax import models
from inception_jax.data.sources.files import Files
from inception_jax.eval.evaluator import Evaluator
from inception_jax.runtime import mesh as meshes
from inception_jax.runtime import startup


class Photographs(Files):
    """The first `count` photographs below a folder, as if of one of ImageNet's classes."""

    def __init__(self, folder: Path, count: int):
        super().__init__(folder)
        self._names, self.classes = self._names[:count], ("photograph",) * 1000


def build(a: argparse.Namespace) -> tuple[Evaluator, Any]:
    """The evaluator and random variables, on the devices."""
    model = models.create(a.model, num_classes=1000, aux=False, dtype=a.dtype)
    size = model.preprocessing.image_size
    config: Any = ConfigDict(
        {
            "data": {"image_size": size, "eval_size": 0, "eval_crop": 0.875, "resize": "stretch",
                     "interpolation": "bilinear", "threads": a.threads},
            "eval": {"batch_size": a.batch_size},
        }
    )  # fmt: skip
    mesh = meshes.make()
    source = Photographs(Path(a.folder), a.images)
    evaluator = Evaluator(config, model, mesh, "photographs", source=source, protocol="144crop")
    shapes = jax.eval_shape(
        lambda: model.init(jax.random.key(0), jnp.zeros((1, size, size, 3), model.dtype))
    )
    rng = np.random.default_rng(0)
    values = jax.tree.map(lambda x: (rng.normal(size=x.shape) * 0.02).astype(x.dtype) ** 2, shapes)
    return evaluator, jax.device_put(values, meshes.replicated(mesh))


def whole(evaluator: Evaluator, variables: Any) -> tuple[float, int]:
    """Seconds of the evaluation, and the pieces that went through the network."""
    pieces, step = 0, evaluator._step

    def counted(*args):
        nonlocal pieces
        pieces += 1
        return step(*args)

    evaluator._step = counted
    began = time.perf_counter()
    for _ in evaluator.blocks(variables, evaluator.reader()):
        pass
    evaluator._step = step
    return time.perf_counter() - began, pieces


def alone(evaluator: Evaluator, variables: Any, pieces: int) -> float:
    """Seconds of the forward passes of `pieces` pieces that lie on the device."""
    rows, size = evaluator._rows, evaluator.protocol.size
    views = {
        "image": np.random.default_rng(0).integers(0, 256, (rows, size, size, 3), np.uint8),
        "weight": np.full(rows, 1 / rows, np.float32),
        "owner": np.zeros(rows, np.int32),
    }
    views = meshes.put(views, meshes.batch(evaluator._mesh))
    sums = jax.block_until_ready(evaluator._start())
    began = time.perf_counter()
    for _ in range(pieces):
        sums = evaluator._step(variables, sums, views)
    jax.block_until_ready(sums)
    return time.perf_counter() - began


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--model", default="inception_v3")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--batch_size", type=int, default=72)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    startup.start(a.dtype)
    evaluator, variables = build(a)
    alone(evaluator, variables, 1)  # compiles
    rounds = []
    for _ in range(a.rounds):
        seconds, pieces = whole(evaluator, variables)
        rounds.append((seconds, alone(evaluator, variables, pieces)))
    both, forward = (statistics.median(x) for x in zip(*rounds, strict=True))
    views = pieces * evaluator._rows
    found = {
        "device": jax.devices()[0].device_kind, "images": len(evaluator.source), "views": views,
        "whole_s": round(both, 2), "forward_s": round(forward, 2),
        "ratio": round(statistics.median(w / f for w, f in rounds), 3),
        "views_per_s": round(views / forward, 1),
    }  # fmt: skip
    print(json.dumps({**found, "rounds": [[round(x, 2) for x in r] for r in rounds]}))


if __name__ == "__main__":
    main()
