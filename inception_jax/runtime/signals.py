"""SIGTERM and SIGINT, which ask a run to save and stop."""

import signal
from typing import Any

from inception_jax.errors import PreemptedError


class Interrupt:
    """Turns the first signal into a flag for the loop; a second one has its usual effect."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._note)
        return self

    def _note(self, number: int, frame: Any) -> None:
        self.signal = number
        signal.signal(number, self._before[number])

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise PreemptedError once there was a signal."""
        if self.signal:
            raise PreemptedError(f"stopped by {signal.Signals(self.signal).name}")
