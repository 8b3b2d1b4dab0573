"""A run's checkpoints: saved in the background, verified, retained or deleted, restored."""

import copy
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from inception_jax.checkpoint import arrays, folder, manifest, retention
from inception_jax.errors import DiskFullError, UserError, from_os_error, writing
from inception_jax.runtime import multihost
from inception_jax.workdir import atomic, disk_space, run_id, step_names

RESUMES = "resumes from the last complete checkpoint"


def _without_tracebacks(record: logging.LogRecord) -> bool:
    """Drop Orbax's own tracebacks from the log: `check` raises the errors."""
    return not (record.exc_info and "/orbax/" in record.pathname)


class Checkpoints:
    """The steps saved in `directory`: each is a state (arrays) and a log (JSON).

    All processes make the same calls; the first one writes manifests, renames and deletes.

    Args:
        directory: of the steps; created when needed.
        keep: number of newest steps to keep.
        keep_best: number of steps with the best score to keep.
        keep_every: interval in steps; the first step after each multiple is kept for ever. 0: off.
        scores: by step, of earlier evaluations; higher is better.
        before_write: called, also in the background, before anything is written or renamed; raises
            a `UserError` if the directory's place is lost.

    Attributes:
        latest: the last step that this process knows to be complete, or None.
    """

    def __init__(
        self, directory: Path, keep: int, keep_best: int = 0, keep_every: float = 0.0,
        scores: Mapping[int, float] | None = None,
        before_write: Callable[[], None] = lambda: None,
    ):  # fmt: skip
        self.directory = directory.absolute()
        self._keep = {"newest": keep, "best": keep_best, "every": keep_every}
        self._scores, self._before_write = dict(scores or {}), before_write
        logging.getLogger("absl").addFilter(_without_tracebacks)
        self._orbax: ocp.Checkpointer | None = None
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._run = ""  # the run's id, in process 0
        self.latest: int | None = None

    def newest_good(self, before: int | None = None) -> int | None:
        """The newest good step; later ones are renamed. See `folder.newest_good`.

        Raises:
            DataError: there are steps, and none is good.
        """
        self.latest = folder.newest_good(self.directory, repair=True, before=before)
        return self.latest

    def steps(self) -> list[int]:
        """The saved steps, oldest first, without those that were renamed."""
        return multihost.decided(lambda: folder.steps(self.directory))

    def set_aside(self, step: int, reason: str) -> None:
        """Rename a step to bad-<step> and print the reason; it can be saved again."""

        def rename() -> None:
            self._before_write()
            folder.set_aside(self.directory, step, reason)

        multihost.decided(rename)
        if self.latest == step:
            self.latest = max(self.steps(), default=None)

    def score(self, step: int, score: float) -> None:
        """Record the score of a step, for the next save's deletions."""
        self._scores[step] = score

    def save(self, step: int, state: Any, log: dict[str, Any]) -> None:
        """Copy the arrays on the devices and start to save the copies in the background.

        Waits for the previous save. A step that exists already is left as it is.

        Raises:
            DiskFullError: there is no room for this save, or was none for the previous one.
        """
        self.wait()
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
        if not multihost.decided(lambda: self._room_for(step, size)):
            return
        about = {"mesh": _mesh(state), "processes": jax.process_count()}
        log = copy.deepcopy(log)  # the loop goes on to change its own
        self._thread = threading.Thread(
            target=self._write, args=(step, _copied(state), log, about), name=f"save {step}"
        )
        self._thread.start()

    def check(self) -> None:
        """Raise the error of a save in the background; cheap enough for every step.

        Raises:
            DiskFullError: there was no room.
            ConfigError: the directory cannot be written.
        """
        if self._error is None:
            return
        error, self._error = self._error, None
        try:
            self._before_write()  # if the place is lost, that is the cause
        except UserError:
            folder.remove_recreated(self.directory)
            raise
        reason = from_os_error(error, f"a checkpoint in {self.directory}", RESUMES)
        if reason is None:
            raise error
        raise reason from error

    def wait(self) -> None:
        """Return when every save is on the disk; raise the error of one as `check` does."""
        if self._thread:
            self._thread.join()
            self._thread = None
        self.check()

    def close(self) -> None:
        """Wait for the last save, then release the directory."""
        try:
            self.wait()
        finally:
            if self._orbax:
                self._orbax.close()
                self._orbax = None

    def restore(self, step: int, shapes: Any) -> tuple[Any, dict[str, Any]]:
        """Restore the state saved at `step`, with the shardings of `shapes`, and its log.

        Raises:
            DataError: it is of another network or optimiser.
        """
        self.wait()
        path = self.directory / str(step)
        return arrays.restored(path, shapes), arrays.log(path)

    def _room_for(self, step: int, size: int) -> bool:
        """Whether the step is not saved yet; then there must be room for its `size` bytes.

        A twentieth and a megabyte more are required: for the file system's blocks and the logs.
        """
        self._before_write()
        with writing(f"a checkpoint in {self.directory}", RESUMES):
            self.directory.mkdir(exist_ok=True)
            steps = folder.steps(self.directory)
            self._run = self._run or run_id.ensure(self.directory.parent, new=not steps)
            if step in steps:
                if not (problems := manifest.problems(self.directory / str(step), sums=False)):
                    return False
                folder.set_aside(self.directory, step, problems[0])
            atomic.remove(self._staged(step))
        need, room = size + size // 20 + 2**20, disk_space.free_bytes(self.directory)
        if room < need:
            raise DiskFullError(
                f"no room for a checkpoint in {self.directory}: expected {need:,} bytes free, "
                f"found {room:,}; free {need - room:,} more, or lower checkpoint.keep, and run the "
                f"same command again: it {RESUMES}"
            )
        return True

    def _write(self, step: int, state: Any, log: dict[str, Any], about: dict[str, Any]) -> None:
        """In the background: write with all processes, name the step, delete old ones."""
        staged = self._staged(step)
        try:
            self._orbax = self._orbax or arrays.checkpointer()
            self._before_write()
            self._orbax.save(staged, arrays.save_args(state, log), force=True)
            if jax.process_index() == 0:
                self._before_write()
                versions = {"jax": jax.__version__, "orbax": ocp.__version__}
                manifest.write(staged, self._run, step, **about, **versions, time=time.time())
                # Last, so that only a complete step has a number as its name, even after a kill.
                staged.rename(self.directory / str(step))
                atomic.sync_folder(self.directory)
                self._delete(step)
            self.latest = step
        except BaseException as e:  # for `check`, in the thread that trains
            self._error = e

    def _staged(self, step: int) -> Path:
        return self.directory / f"{step}{step_names.SAVING}"

    def _delete(self, newest: int) -> None:
        steps = [step for step in folder.steps(self.directory) if step <= newest]
        kept = retention.reasons(steps, self._scores, **self._keep)
        for step in steps:
            if step not in kept:
                folder.remove(self.directory, step)


@jax.jit
def _copied(state: Any) -> Any:
    """Copy on the devices, in one program: the next step is donated the originals."""
    return jax.tree.map(jnp.copy, state)


def _mesh(state: Any) -> dict[str, int]:
    """The mesh axes of a state's arrays."""
    sharding = jax.tree.leaves(state)[0].sharding
    return dict(sharding.mesh.shape) if hasattr(sharding, "mesh") else {}
