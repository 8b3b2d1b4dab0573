"""Rollbacks after a divergence: to the last good checkpoint, skipping the batches after it."""

import time
from pathlib import Path
from typing import Any

from inception_jax.checkpoint import Checkpoints
from inception_jax.errors import DivergedError
from inception_jax.runtime import distributed, multihost
from inception_jax.workdir import jsonl


class Rollbacks:
    """The run's rollbacks, stored in rollbacks.jsonl.

    A line has `step`, the first that was not finite; `to`, the step of the checkpoint restored;
    `shift`, the number of batches skipped since the beginning of the run; `factor`, of the learning
    rate. Both hold from `to` on. The line is written before the restore, so that a run killed in
    between resumes with the same. `c` is the config's `train` section.
    """

    def __init__(self, path: Path, c: Any):
        self._path, self._c = path, c
        self.lines: list[dict[str, Any]] = multihost.decided(
            lambda: jsonl.read(path, jsonl.ROLLBACK)
        )

    def in_force(self, start: int) -> tuple[int, float]:
        """(shift, factor) for a run that resumes at step `start`."""
        for line in reversed(self.lines):
            if line["to"] <= start:
                return line["shift"], line["factor"]
        return 0, 1.0

    def add(self, error: DivergedError, saves: Checkpoints) -> int:
        """Record a rollback; returns the step to restore.

        It is the newest good checkpoint's; if the last rollback was to that one, the one before it.

        Raises:
            DivergedError: as given, where the run stops instead: `train.on_divergence`, no
                checkpoint left, or `train.rollbacks` reached.
            DataError: there are checkpoints, and none is good.
        """
        if self._c.on_divergence == "stop":
            raise error
        if len(self.lines) >= self._c.rollbacks:
            raise _also(error, f"The limit of train.rollbacks={len(self.lines)} is reached.")
        saves.wait()
        to = newest = saves.newest_good(before=error.step)
        if newest is not None and self.lines and self.lines[-1]["to"] == newest:
            to = saves.newest_good(before=newest)
        if to is None or newest is None:
            raise _also(error, "There is no older checkpoint to go back to.")
        if to != newest:
            saves.set_aside(newest, f"it led twice to step {error.step}'s divergence")
        shift, _ = self.in_force(to)
        factor = self._c.rollback_factor ** (len(self.lines) + 1)
        line = {"step": error.step, "to": to, "shift": shift + error.step - to, "factor": factor}
        self.lines.append({**line, "time": time.time()})
        if distributed.first():
            jsonl.append(self._path, self.lines[-1], sync=True)
        return to

    def summary(self) -> str:
        """The last rollback, for the terminal."""
        line = self.lines[-1]
        rate = f", the learning rate times {line['factor']:g}" if line["factor"] != 1 else ""
        return (
            f"rollback {len(self.lines)} of at most {self._c.rollbacks}: to step {line['to']}, "
            f"skipping the {line['step'] - line['to']} batches after it{rate}"
        )


def _also(error: DivergedError, text: str) -> DivergedError:
    error.args = (f"{error} {text}",)
    return error
