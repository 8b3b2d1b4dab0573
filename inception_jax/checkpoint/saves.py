"""A run's own checkpoints: saved in the background, made whole, kept or deleted, restored."""

import copy
import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from inception_jax.checkpoint import arrays, folder, full, manifest
from inception_jax.checkpoint.keeping import Keeping
from inception_jax.runtime import multihost


def _ours(record: logging.LogRecord) -> bool:
    """Drops Orbax's own tracebacks from the log: what it raises, `check` raises."""
    return not (record.exc_info and "/orbax/" in record.pathname)


class Checkpoints:
    """The steps saved in `directory`: each is a state (arrays) and a log (JSON).

    Every process makes one and calls it alike; the first one writes manifests, renames and deletes.

    Args:
        directory: of the steps; made if it is not there.
        keep: so many of the newest stay.
        keep_best: so many of the best top-1 stay as well.
        keep_every: the first step after each multiple of so many steps stays for ever; 0: none.
        scores: top-1 by step, of what was evaluated before.
    """

    def __init__(
        self, directory: Path, keep: int, keep_best: int = 0, keep_every: float = 0.0,
        scores: Mapping[int, float] | None = None,
    ):  # fmt: skip
        self.directory = directory.resolve()
        self._keeping = Keeping(keep, keep_best, keep_every)
        self._scores = dict(scores or {})
        logging.getLogger("absl").addFilter(_ours)
        self._orbax: ocp.Checkpointer | None = None
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._done: int | None = None

    def newest_good(self) -> int | None:
        """The newest whole step; see `folder.newest_good`. Damaged ones are put aside.

        Raises:
            DataError: there are steps, and all are damaged.
        """
        self._done = folder.newest_good(self.directory, mend=True)
        return self._done

    def latest(self) -> int | None:
        """The last step that this process knows to be whole, or None."""
        return self._done

    def steps(self) -> list[int]:
        """The steps that are there, oldest first; those of damaged ones are not among them."""
        return multihost.decided(lambda: folder.steps(self.directory))

    def set_aside(self, step: int, reason: str) -> None:
        """Renames a step to bad-<step>, with a line that says why; it can be saved again."""

        def rename() -> None:
            name = folder.put_aside(self.directory, step).name
            folder.say(f"checkpoint {step} is kept as {name}: {reason}")

        multihost.decided(rename)
        if self._done == step:
            self._done = max(self.steps(), default=None)

    def score(self, step: int, top1: float) -> None:
        """Notes how good a step is; the next save goes by it."""
        self._scores[step] = top1

    def save(self, step: int, state: Any, log: dict[str, Any]) -> None:
        """Starts saving; returns at once: the arrays are copied on the device, and go from there.

        Waits for the save before this one. A step that is there already is left as it is.

        Raises:
            DiskFullError: there is no room for this one, or was none for the one before it.
        """
        self.wait()
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
        if not multihost.decided(lambda: self._room_for(step, size)):
            return
        about = {"step": step, "mesh": _mesh(state), "processes": jax.process_count()}
        kept = copy.deepcopy(log)  # the loop goes on adding to it
        self._thread = threading.Thread(
            target=self._write, args=(step, _copied(state), kept, about), name=f"save {step}"
        )
        self._thread.start()

    def check(self) -> None:
        """Raises what a save in the background has raised; costs nothing: call it at every step.

        Raises:
            DiskFullError: there was no room.
        """
        if self._error is None:
            return
        error, self._error = self._error, None
        if (reason := full.explained(error)) is error:
            raise error
        raise reason from error

    def wait(self) -> None:
        """Returns when every save is on the disk; raises what went wrong with one."""
        if self._thread:
            self._thread.join()
            self._thread = None
        self.check()

    def close(self) -> None:
        """Waits, then lets go of the directory."""
        try:
            self.wait()
        finally:
            if self._orbax:
                self._orbax.close()
                self._orbax = None

    def restore(self, step: int, shapes: Any) -> tuple[Any, dict[str, Any]]:
        """The state saved at `step`, laid out as `shapes` says, and its log.

        Args:
            step: that `newest_good` gave.
            shapes: jax.ShapeDtypeStruct with their shardings, on whatever devices there are.

        Raises:
            DataError: it is of another network or optimiser.
        """
        self.wait()
        where = self.directory / str(step)
        return arrays.restored(where, shapes), arrays.log(where)

    def _room_for(self, step: int, size: int) -> bool:
        """Whether the step is yet to be saved, and then there has to be room."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if (self.directory / str(step)).exists():
            return False
        full.refuse(self.directory, size, full.free(self.directory))
        return True

    def _write(self, step: int, state: Any, log: dict[str, Any], about: dict[str, Any]) -> None:
        """In the background: writes with all processes, names the step, deletes old ones."""
        staged = self.directory / f"{step}{folder.SAVING}"
        try:
            self._orbax = self._orbax or arrays.checkpointer()
            self._orbax.save(staged, arrays.stored(state, log), force=True)
            if jax.process_index() == 0:
                versions = {"jax": jax.__version__, "orbax": ocp.__version__}
                manifest.write(staged, **about, **versions, time=time.time())
                # Only a whole step has a number for a name: whenever we are killed.
                staged.rename(self.directory / str(step))
                manifest.sync(self.directory)
                self._delete()
            self._done = step
        except BaseException as e:  # for `check`, in the thread that trains
            self._error = e

    def _delete(self) -> None:
        there = folder.steps(self.directory)
        kept = self._keeping.reasons(there, self._scores)
        for old in there:
            if old not in kept:
                folder.remove(self.directory, old)


@jax.jit
def _copied(state: Any) -> Any:
    """On the devices, in one program: the next step is given the originals to overwrite."""
    return jax.tree.map(jnp.copy, state)


def _mesh(state: Any) -> dict[str, int]:
    """The axes of the mesh that a state lies on."""
    sharding = jax.tree.leaves(state)[0].sharding
    return dict(sharding.mesh.shape) if hasattr(sharding, "mesh") else {}
