"""Orbax checkpoints of a run: asynchronous, atomic, the newest few kept."""

import errno
import hashlib
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from inception_jax.errors import DataError, DiskFullError


class Checkpoints:
    """The steps saved in `directory`: each is a state (arrays) and a log (JSON)."""

    def __init__(self, directory: Path, keep: int):
        self._manager = _manager(directory, max_to_keep=keep, create=True)

    def latest(self) -> int | None:
        """The newest whole step, or None."""
        return self._manager.latest_step()

    def steps(self) -> list[int]:
        """The whole steps, oldest first."""
        return sorted(self._manager.all_steps())

    def check(self) -> None:
        """Raises what went wrong with a save in the background."""
        try:
            self._manager.check_for_errors()
        except OSError as e:
            raise _disk_error(e) from e

    def save(self, step: int, state: Any, log: dict[str, Any]) -> None:
        """Starts saving; returns when the arrays are copied, not when they are on the disk.

        Raises:
            DiskFullError: this save, or the one before it, found no room.
        """
        if step in self._manager.all_steps():
            return
        # On CPU the saved arrays would alias buffers which the next step's donation overwrites.
        state = jax.tree.map(lambda x: x.copy(), state)
        args = ocp.args.Composite(state=ocp.args.StandardSave(state), log=ocp.args.JsonSave(log))
        try:
            self._manager.save(step, args=args, force=True)
        except OSError as e:
            raise _disk_error(e) from e

    def restore(self, step: int, state: Any) -> tuple[Any, dict[str, Any]]:
        """The state saved at `step`, laid out as the shapes in `state` say, and its log."""
        args = ocp.args.Composite(state=ocp.args.StandardRestore(state), log=ocp.args.JsonRestore())
        found = self._manager.restore(step, args=args)
        return found["state"], found["log"]

    def wait(self) -> None:
        """Returns when every save is on the disk; raises what went wrong with one."""
        try:
            self._manager.wait_until_finished()
        except OSError as e:
            raise _disk_error(e) from e

    def close(self) -> None:
        """Waits, then releases the directory."""
        self.wait()
        self._manager.close()


def write(workdir: Path, variables: Any) -> None:
    """Saves {'params', 'batch_stats'} as step 0 of a workdir that no run made.

    Raises:
        DiskFullError: there is no room.
    """
    largest = max(leaf.nbytes for leaf in jax.tree.leaves(variables))
    manager = _manager(
        workdir / "checkpoints",
        in_flight=max(50_000_000, 2 * largest),  # bytes: by default, all of it at once
        create=True,
        enable_async_checkpointing=False,
    )
    args = ocp.args.Composite(
        state=ocp.args.StandardSave(variables), log=ocp.args.JsonSave({"imported": True})
    )
    try:
        manager.save(0, args=args, force=True)
        manager.wait_until_finished()
    except OSError as e:
        raise _disk_error(e) from e
    manager.close()


def load(workdir: Path, step: int | None = None) -> tuple[int, Any]:
    """The variables that a run evaluates, as host arrays, from its newest (or a given) step.

    Returns:
        The step, and {'params', 'batch_stats'}: the averages where the run keeps them.

    Raises:
        DataError: there is no such checkpoint.
    """
    directory = workdir / "checkpoints"
    if not directory.is_dir():
        raise DataError(f"expected checkpoints in {directory}, found no such folder")
    manager = _manager(directory, create=False)
    steps = sorted(manager.all_steps())
    if not steps or (step is not None and step not in steps):
        raise DataError(f"expected step {step or 'any'} in {directory}, found {steps or 'none'}")
    step = steps[-1] if step is None else step
    meta = manager.item_metadata(step)["state"]
    sharding = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])

    def shape(leaf: Any) -> Any:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    shapes = jax.tree.map(shape, meta)
    args = ocp.args.Composite(state=ocp.args.StandardRestore(shapes))
    state = manager.restore(step, args=args)["state"]
    manager.close()
    kept = state["ema"] if state.get("ema") else state
    tree = {"params": kept["params"], "batch_stats": kept.get("batch_stats") or {}}
    return step, jax.tree.map(np.asarray, tree)


def digest(variables: Any) -> str:
    """Sixteen hexadecimal digits that tell one network's weights from another's."""
    total = hashlib.sha256()
    for leaf in jax.tree.leaves(variables):
        total.update(np.asarray(leaf).tobytes())
    return total.hexdigest()[:16]


def _manager(directory: Path, in_flight: int = 96 * 10**9, **options: Any) -> ocp.CheckpointManager:
    """Orbax's manager; `in_flight` bytes, at most, are on their way to the disk at a time."""
    return ocp.CheckpointManager(
        directory.resolve(),
        options=ocp.CheckpointManagerOptions(**options),
        item_handlers={
            "state": ocp.StandardCheckpointHandler(save_concurrent_gb=in_flight / 1e9),  # type: ignore
            "log": ocp.JsonCheckpointHandler(),
        },
    )


def _disk_error(error: OSError) -> Exception:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    return DiskFullError(
        f"no room left to save a checkpoint ({error}); free some and run the same command again: "
        f"it resumes from the last whole checkpoint"
    )
