"""A loss, gradient or weight that is not finite: what is written about it, and the error."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from inception_jax.data.sources.source import Source
from inception_jax.errors import DivergedError
from inception_jax.runtime import distributed, multihost
from inception_jax.train import monitors
from inception_jax.workdir import atomic


def diverged(
    workdir: Path,
    source: Source,
    reason: str,
    *,
    step: int,
    index: np.ndarray,
    metrics: Mapping[str, float],
    before: Mapping[str, float] | None,
    checkpoint: int | None,
    blocks: Mapping[str, Mapping[str, float]],
) -> DivergedError:
    """Writes diverged/step-<step>.json; the error to raise. All processes must call it.

    `reason` has the step's numbers that are not finite, `index` its examples in this process (int32
    [local batch]), `before` the means of the last line of metrics, `blocks` the step's monitors.
    """
    examples = multihost.concatenated(index).tolist()
    path = workdir / "diverged" / f"step-{step}.json"
    if distributed.first():
        path.parent.mkdir(exist_ok=True)
        document = {
            "step": step,
            "metrics": {k: str(v) for k, v in metrics.items()},  # JSON has no NaN
            "before": before,
            "monitors": {k: {b: str(v) for b, v in x.items()} for k, x in blocks.items()},
            "examples": [{"index": i, "name": source.name(i)} for i in examples],
        }
        atomic.write_text(path, json.dumps(document, indent=1))
    error = DivergedError(
        f"step {step}: {reason}: expected finite numbers. Its {len(examples)} examples are in "
        f"{path}. The last checkpoint is of step {checkpoint}. Lower optim.lr, lengthen "
        f"optim.warmup_epochs, set optim.clip, or train.on_divergence=rollback. "
        f"{monitors.worst(blocks)}".rstrip()
    )
    error.step = step
    return error
