"""Every clock of a run: where its time goes, and how fast its steps are."""

import contextlib
import time
from collections.abc import Iterator

from inception_jax.runtime.watchdog import Watchdog

PARTS = ("start", "steps", "input", "save", "eval")


class Timekeeper:
    """Attributes seconds to the parts of a run since it `began`, by the monotonic clock.

    The watchdog gets each step's duration.

    Attributes:
        spent: seconds by part: `start` to the end of the first step, `steps` between the ends of
            steps (waiting for `input` included), `save` and `eval` between steps.
        started: seconds from the beginning to the end of the first step, or None before.
    """

    def __init__(self, began: float, watchdog: Watchdog):
        self.spent: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        self.started: float | None = None
        self._began, self._watchdog = began, watchdog
        self._step_end: float | None = None
        self.open_window()

    def restart(self) -> None:
        """Before the first step of a stretch: no step is timed across the gap."""
        self._step_end = None
        self.open_window()
        self._watchdog.sleep()

    def first_step(self) -> float:
        """The first step is done, so the program is compiled; seconds since the beginning."""
        self.started = time.monotonic() - self._began
        self.spent["start"] += self.started
        return self.started

    def step_done(self) -> None:
        """A step is done; the time since the last one was its."""
        now = time.monotonic()
        if self._step_end is None:
            self._watchdog.beat()
        else:
            self._watchdog.beat(now - self._step_end)
            self.spent["steps"] += now - self._step_end
        self._step_end = now

    @contextlib.contextmanager
    def waiting_for_input(self) -> Iterator[None]:
        """The body waits for a batch: a part of the step's time."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.spent["input"] += time.monotonic() - began

    @contextlib.contextmanager
    def apart(self, part: str, allowed: float, *, of_window: bool = False) -> Iterator[None]:
        """The body is between steps: its seconds count as `part`, not as a step's.

        Args:
            part: a key of `spent`.
            allowed: seconds that the body may take before the watchdog acts; 0: its usual limit.
            of_window: whether the images/s of the open window include the body's time.
        """
        began = time.monotonic()
        try:
            with self._watchdog.allowing(allowed):
                yield
        finally:
            seconds = time.monotonic() - began
            self.spent[part] += seconds
            if self._step_end is not None:
                self._step_end += seconds
            if not of_window:
                self._window_start += seconds

    def beat(self) -> None:
        """A sign of life between steps."""
        self._watchdog.beat()

    def open_window(self) -> None:
        """Starts the stretch of steps that `speed` is about."""
        self._window_start, self._window_steps, self._window_input = time.monotonic(), 0, 0.0

    def count(self, waited: float) -> None:
        """Add a step to the window; `waited`: seconds for its batch."""
        self._window_steps, self._window_input = self._window_steps + 1, self._window_input + waited

    def speed(self, batch_size: int) -> dict[str, float]:
        """images_per_s of the window, and input_wait, the share of its time without a batch."""
        seconds = max(time.monotonic() - self._window_start, 1e-9)
        return {
            "images_per_s": self._window_steps * batch_size / seconds,
            "input_wait": min(self._window_input / seconds, 1.0),
        }

    def rounded(self) -> dict[str, float]:
        """`spent` in milliseconds' precision, for attempts.jsonl."""
        return {part: round(seconds, 3) for part, seconds in self.spent.items()}
