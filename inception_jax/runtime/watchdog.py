"""End a process that makes no progress, and write the stacks of its threads."""

import contextlib
import faulthandler
import statistics
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from inception_jax.errors import LostProcessError
from inception_jax.progress import duration
from inception_jax.runtime import distributed

TIMES = 20  # median steps without a beat
POLL = 0.5  # seconds between two checks


class Watchdog:
    """Ends the process when `beat`s stay out; off until the first one, while the step compiles.

    A process that is alive but stuck (in a collective that another never enters, on a dead file
    system) would block the job for ever: JAX's heartbeats continue (jax issue 38503).

    Args:
        least: seconds without a beat that end the process, or 20 median steps if that is longer;
            0 turns it off.
        stacks: file to which the threads' stacks are appended.
    """

    def __init__(self, least: float, stacks: Path):
        self._least, self._stacks = least, stacks
        self._steps: deque[float] = deque(maxlen=100)
        self._last: float | None = None
        self._allowed = 0.0
        self._over = threading.Event()

    def __enter__(self) -> "Watchdog":
        if self._least:
            threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()

    @property
    def limit(self) -> float:
        """Seconds without a beat that end the process."""
        steps = TIMES * statistics.median(self._steps) if self._steps else 0.0
        return max(self._least, steps, self._allowed)

    def beat(self, step: float | None = None) -> None:
        """Report progress; `step`: the seconds of a training step, if it was one."""
        if step is not None:
            self._steps.append(step)
        self._last = time.monotonic()

    def sleep(self) -> None:
        """Turn it off until the next beat."""
        self._last = None

    @contextlib.contextmanager
    def allowing(self, seconds: float) -> Iterator[None]:
        """Allow an operation in the body `seconds` without a beat."""
        self._allowed = seconds
        try:
            yield
        finally:
            self._allowed = 0.0
            if self._last is not None:
                self.beat()

    def _watch(self) -> None:
        while not self._over.wait(min(POLL, self._least / 4)):
            last = self._last
            if last is not None and time.monotonic() - last > self.limit:
                self._end(time.monotonic() - last)

    def _end(self, silent: float) -> None:
        with contextlib.suppress(OSError), self._stacks.open("a", encoding="utf-8") as file:
            file.write(time.strftime("\n%Y-%m-%d %H:%M:%S\n"))
            file.flush()
            faulthandler.dump_traceback(file)
        faulthandler.dump_traceback(sys.stderr)
        distributed.abort_all(
            LostProcessError.code,
            f"no step for {duration(silent)} (limit {duration(self.limit)}: train.watchdog, or "
            f"{TIMES} median steps). The stacks above, also in {self._stacks}, show where each "
            f"thread waits; the same command resumes from the last checkpoint",
        )
