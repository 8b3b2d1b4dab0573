"""SIGTERM and SIGINT, which ask a run to save and stop."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

from inception_jax.errors import PreemptedError


@contextlib.contextmanager
def handling(handler: Callable[[int, Any], None]) -> Iterator[dict[signal.Signals, Any]]:
    """Call `handler(number, frame)` on a signal in the body; yields the handlers before it."""
    before = {n: signal.signal(n, handler) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield before
    finally:
        for number, old in before.items():
            signal.signal(number, old)


class Interrupt:
    """Turns the first signal into a flag for the loop; a second one has its usual effect."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Interrupt":
        self._before = self._stack.enter_context(handling(self._note))
        return self

    def _note(self, number: int, frame: Any) -> None:
        self.signal = number
        signal.signal(number, self._before[signal.Signals(number)])

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def check(self) -> None:
        """Raise PreemptedError once there was a signal."""
        if self.signal:
            raise PreemptedError(f"stopped by {signal.Signals(self.signal).name}")
