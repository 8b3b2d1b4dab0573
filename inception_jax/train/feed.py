"""The batches of a stretch of steps, and the signal that this process sends with each."""

import time

import jax

from inception_jax.data import pipeline
from inception_jax.errors import PreemptedError
from inception_jax.runtime.signals import Interrupt
from inception_jax.train.sharded_step import RUN, SKIP, STOP
from inception_jax.train.trainer import Trainer

GRACE = 2.0  # seconds that a batch may still take after a signal


class Feed:
    """Gives a batch a step. Once none came within `GRACE` of a signal, batches that do not count.

    All processes of a job must enter a step for it to end, so one that waits for images after a
    signal sends an empty batch with SKIP instead. `start` is the step before the first.
    """

    def __init__(self, trainer: Trainer, start: int, interrupt: Interrupt):
        self.reader = trainer.reader()
        self._batches = trainer.batches(self.reader, start, self._while_waiting)
        self._interrupt, self._trainer, self._step = interrupt, trainer, start
        self._local = trainer.config.data.batch_size // jax.process_count()
        self._signalled: float | None = None  # when a signal was seen while waiting
        self._skipping = False
        self._reported = 0

    def __next__(self) -> pipeline.Batch:
        """The next batch: image [n, s, s, c], or features; label, index and epoch int32 [n]."""
        self._step += 1
        if not self._skipping:
            try:
                return next(self._batches)
            except PreemptedError:
                self._skipping = True
        # The other processes take the step with images of its size.
        stage = self._trainer.stage(self._step)
        return self._trainer.reader_of(stage, self.reader).empty(self._local)

    def signal(self) -> int:
        """The signal that this process sends with its batch: RUN, STOP or SKIP."""
        if self._skipping:
            return SKIP
        return STOP if self._interrupt.signal else RUN

    def stages(self) -> dict[str, float]:
        """Milliseconds of a thread that an image takes, by stage."""
        return self.reader.clock.ms()

    def new_unreadable(self) -> list[str]:
        """A line for each unreadable image since the last call."""
        reasons = list(self.reader.bad.reasons.items())
        new, self._reported = reasons[self._reported :], len(reasons)
        return [f"unreadable image {n}: {r} ({len(reasons)} so far, replaced)" for n, r in new]

    def _while_waiting(self) -> None:
        """Raises PreemptedError `GRACE` seconds after a signal."""
        if self._interrupt.signal:
            self._signalled = self._signalled or time.monotonic()
            if time.monotonic() - self._signalled > GRACE:
                self._interrupt.check()
