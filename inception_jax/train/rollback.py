"""Going back from a divergence: to the last good checkpoint, past the batches that led to it."""

import time
from pathlib import Path
from typing import Any

from inception_jax.checkpoint import Checkpoints
from inception_jax.errors import DivergedError
from inception_jax.runtime import distributed, multihost
from inception_jax.workdir import jsonl


class Rollbacks:
    """The run's rollbacks, in rollbacks.jsonl; what they changed holds for all steps after them.

    A line has `step`, the first that was not finite; `to`, the checkpoint that the run went back
    to; `shift`, how many batches further on in the order of the examples it then reads; `factor`,
    of the learning rate. Written before the run goes back, so that a killed one does the same.

    Args:
        path: of the file; need not exist.
        c: the `train` section.
    """

    def __init__(self, path: Path, c: Any):
        self._path, self._c = path, c
        self.lines: list[dict[str, Any]] = multihost.decided(lambda: jsonl.read(path))

    def in_force(self, start: int) -> tuple[int, float]:
        """The shift in batches and the factor of the rate, for a run that goes on from `start`."""
        for line in reversed(self.lines):
            if line["to"] <= start:
                return line["shift"], line["factor"]
        return 0, 1.0

    def add(self, error: DivergedError, saves: Checkpoints) -> int:
        """Where to go back to, now noted.

        The newest checkpoint; if the last rollback was to that one already, the one before it.

        Raises:
            DivergedError: as given, where the run stops instead: `train.on_divergence`, no
                checkpoint left, or `train.rollbacks` reached.
        """
        if self._c.on_divergence == "stop":
            raise error
        if len(self.lines) >= self._c.rollbacks:
            raise _also(error, f"It went back {len(self.lines)} times (train.rollbacks) before.")
        saves.wait()
        steps = [s for s in saves.steps() if s < error.step]
        again = bool(steps and self.lines and self.lines[-1]["to"] == steps[-1])
        if len(steps) <= again:
            raise _also(error, "There is no older checkpoint to go back to.")
        if again:
            saves.set_aside(steps.pop(), f"it led twice to step {error.step}'s divergence")
        to, (shift, _) = steps[-1], self.in_force(steps[-1])
        factor = self._c.rollback_factor ** (len(self.lines) + 1)
        line = {"step": error.step, "to": to, "shift": shift + error.step - to, "factor": factor}
        self.lines.append({**line, "time": time.time()})
        if distributed.first():
            jsonl.append(self._path, self.lines[-1], sync=True)
        return to

    def words(self) -> str:
        """The last one, for a person."""
        line = self.lines[-1]
        rate = f", the learning rate times {line['factor']:g}" if line["factor"] != 1 else ""
        return (
            f"rollback {len(self.lines)} of at most {self._c.rollbacks}: to step {line['to']}, "
            f"skipping the {line['step'] - line['to']} batches after it{rate}"
        )


def _also(error: DivergedError, text: str) -> DivergedError:
    other = DivergedError(f"{error} {text}")
    other.step = error.step
    return other
