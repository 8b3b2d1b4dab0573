"""The features of frozen rows that a run's stages learn from, computed before its first step."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from inception_jax.data.sources.source import Source
from inception_jax.eval.evaluator import Evaluator
from inception_jax.eval.feature_cache import FeatureCache
from inception_jax.eval.protocols import from_data_section
from inception_jax.train.program import Program
from inception_jax.train.stages import Stage


class StoredFeatures(NamedTuple):
    """Of the training split, and the evaluator of the other; None where it reads images.

    Attributes:
        train: [n, 1, ...], of the config's own crop.
        evaluator: of the features of `eval.split`.
    """

    train: np.ndarray
    evaluator: Evaluator | None


def compute(
    program: Program, stages: Iterable[Stage], source: Source, images: Evaluator,
    variables: Mapping[str, Any], folder: Path, stop: Callable[[], None],
) -> dict[str, StoredFeatures]:  # fmt: skip
    """The features that `stages` learn from, by end-point, kept in `folder`.

    `variables` are the run's: of rows that are frozen, or that do not learn before the features
    were used. `images` evaluates images. `stop` may raise; the next call goes on.
    """
    c, rows = program.config, sorted({program.boundary(s) for s in stages} - {""})
    if not rows:
        return {}
    cache = FeatureCache(folder, program.model, variables, program.mesh, c.eval.batch_size)
    own = from_data_section(c.data, "config")
    train = cache.get(rows, source, c.data.train_split, c.data, own, stop)
    if not images.protocol.uniform:
        return {row: StoredFeatures(train[row], None) for row in rows}
    evaluated = cache.get(rows, images.source, c.eval.split, c.data, images.protocol, stop)

    def evaluator(row: str) -> Evaluator:
        model = program.model.clone(freeze_until="logits") if row == "pool" else program.model
        return Evaluator(
            c, model, program.mesh, c.eval.split, source=images.source,
            protocol=c.eval.protocol, features=evaluated[row], scale=images.scale,
        )  # fmt: skip

    return {row: StoredFeatures(train[row], evaluator(row)) for row in rows}
