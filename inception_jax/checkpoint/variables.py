"""The weights of a run, as evaluation, prediction and fine-tuning take them."""

import hashlib
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from inception_jax.checkpoint import arrays, folder, full, manifest


def load(workdir: Path, step: int | None = None) -> tuple[int, Any]:
    """The variables that a run evaluates, as host arrays, from its newest good (or a given) step.

    Nothing is written; a damaged newest step is named in a line, and the one before it is taken.

    Returns:
        The step, and {'params', 'batch_stats'}: the averages where the run keeps them.

    Raises:
        DataError: there is no such checkpoint, or it is damaged.
    """
    step = folder.whole(workdir, step)
    where = folder.of_run(workdir)[0] / str(step)
    averages = ("ema/params/", "ema/batch_stats/")
    found = arrays.flat(where, lambda name: name.startswith(averages))
    if not found:
        plain = ("params/", "batch_stats/")
        found = arrays.flat(where, lambda name: name.startswith(plain))
    tree = arrays.nested({name.removeprefix("ema/"): x for name, x in found.items()})
    return step, {"params": tree["params"], "batch_stats": tree.get("batch_stats", {})}


def write(workdir: Path, variables: Any) -> None:
    """Saves {'params', 'batch_stats'} as step 0 of a workdir that no run made.

    Raises:
        DiskFullError: there is no room.
    """
    directory = (workdir / "checkpoints").resolve()
    largest = max(leaf.nbytes for leaf in jax.tree.leaves(variables))
    in_flight = max(50_000_000, 2 * largest)  # bytes: by default, all of it at once
    try:
        directory.mkdir(parents=True, exist_ok=True)
        staged = directory / f"0{folder.SAVING}"
        with arrays.checkpointer(in_flight) as writer:
            writer.save(
                staged, arrays.stored(variables, {"imported": True}, pack=False), force=True
            )
        manifest.write(staged, step=0, time=time.time(), imported=True)
        staged.rename(directory / "0")
    except Exception as e:
        if (reason := full.explained(e)) is e:
            raise
        raise reason from e


def digest(variables: Any) -> str:
    """Sixteen hexadecimal digits that tell one network's weights from another's."""
    total = hashlib.sha256()
    for leaf in jax.tree.leaves(variables):
        total.update(np.asarray(leaf).tobytes())
    return total.hexdigest()[:16]
