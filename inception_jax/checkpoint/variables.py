"""The weights of a run, for evaluation, prediction and fine-tuning."""

import hashlib
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from inception_jax.checkpoint import arrays, folder, manifest
from inception_jax.errors import writing
from inception_jax.workdir import run_id, step_names


def load(workdir: Path, step: int | None = None, raw: bool = False) -> tuple[int, Any]:
    """Load the variables that a run evaluates from its newest good (or a given) step.

    Nothing is written; a newest step that is not good is reported in a line, and the one before it
    is used.

    Returns:
        The step, and {'params', 'batch_stats'} as host arrays: the averages where the run has them,
        unless `raw`.

    Raises:
        DataError: there is no such checkpoint, or it is not good.
    """
    path = folder.good_step(workdir, step)
    averages, plain = ("ema/params/", "ema/batch_stats/"), ("params/", "batch_stats/")
    leaves = {} if raw else arrays.flat(path, lambda name: name.startswith(averages))
    leaves = leaves or arrays.flat(path, lambda name: name.startswith(plain))
    leaves = {name.removeprefix("ema/"): leaf for name, leaf in leaves.items()}
    return int(path.name), {"batch_stats": {}, **traverse_util.unflatten_dict(leaves, sep="/")}


def write(workdir: Path, variables: Any) -> None:
    """Save {'params', 'batch_stats'} as step 0 of a workdir without a run.

    Raises:
        DiskFullError: there is no room.
    """
    directory = (workdir / "checkpoints").absolute()
    largest = max(leaf.nbytes for leaf in jax.tree.leaves(variables))
    in_flight = max(50_000_000, 2 * largest)  # bytes; Orbax's default is all of them
    with writing(f"a checkpoint in {directory}"):
        directory.mkdir(parents=True, exist_ok=True)
        run = run_id.ensure(workdir, new=True)
        staged = directory / f"0{step_names.SAVING}"
        with arrays.checkpointer(in_flight) as writer:
            writer.save(
                staged, arrays.save_args(variables, {"imported": True}, pack=False), force=True
            )
        manifest.write(staged, run, 0, time=time.time(), imported=True)
        staged.rename(directory / "0")


def digest(variables: Any) -> str:
    """Hash a network's weights: sixteen hexadecimal digits."""
    total = hashlib.sha256()
    for leaf in jax.tree.leaves(variables):
        total.update(np.asarray(leaf).tobytes())
    return total.hexdigest()[:16]
