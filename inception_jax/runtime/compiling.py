"""What a terminal shows while XLA compiles: a clock, and not XLA's alarm about a slow compilation.

After two minutes XLA prints `Very slow compile? If you want to file a bug, ...` as an error. There
is no flag against it alone, and hiding errors would hide those of a driver. So a child process
stands between this process's standard error and the terminal meanwhile: it passes on all but that
message, also what is printed by an abort.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from inception_jax import progress

EARLY = 100.0  # seconds after which the alarm is kept off
# Runs in the child process: XLA writes a message at once, so that no read cuts it.
FILTER = r"""
import os, re, signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)  # it ends after the process that it serves
# A header, asterisks, the message of one or two lines, asterisks; not that file's other messages.
alarm = (rb"[^\n]*slow_operation_alarm\.cc:[^\n]*\n\**\n?[^\n]*Very slow compile\?[^\n]*\n"
         rb"([^*\n]+\n)?\*+\n*")
while data := os.read(0, 1 << 16):
    data = re.sub(alarm, b"", data)
    while data:
        data = data[os.write(2, data):]
"""


@contextlib.contextmanager
def clock(what: str, quiet: bool = False) -> Iterator[None]:
    """Shows `compiling WHAT` and the time meanwhile; `quiet` where another process does."""
    shown = contextlib.nullcontext() if quiet else progress.clock(f"compiling {what}")
    with without_alarm(), shown:
        yield


def clocked_once(
    function: Callable[..., Any], what: str, quiet: bool = False
) -> Callable[..., Any]:
    """The jitted `function` with a `clock` at its first call, which compiles."""
    clocks = [clock(what, quiet)]

    def call(*args: Any) -> Any:
        with clocks.pop() if clocks else contextlib.nullcontext():
            return function(*args)

    return call


class _AlarmFilter:
    """The filter of standard error: runs while at least one compilation takes longer than EARLY."""

    def __init__(self) -> None:
        self._lock, self._users = threading.Lock(), 0
        self._child: subprocess.Popen[bytes] | None = None
        self._stderr = -1  # what descriptor 2 was

    def add(self) -> None:
        """One more compilation is slow."""
        with self._lock, contextlib.suppress(OSError):  # then the alarm is printed
            self._users += 1
            if self._child is None:
                words = [sys.executable, "-I", "-S", "-c", FILTER]
                child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
                assert child.stdin is not None
                self._stderr = os.dup(2)
                os.dup2(child.stdin.fileno(), 2)
                child.stdin.close()
                self._child = child

    def remove(self) -> None:
        """A slow compilation is done; after the last one standard error is as it was."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._child is not None:
                os.dup2(self._stderr, 2)
                os.close(self._stderr)
                # A process that was started meanwhile may hold the pipe for as long as it lives.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(1.0)
                self._child = None


_filter = _AlarmFilter()


@contextlib.contextmanager
def without_alarm() -> Iterator[None]:
    """XLA's alarm is not printed while the body compiles, however long it takes."""
    lock, state = threading.Lock(), {"slow": False, "done": False}

    def slow() -> None:
        with lock:
            if not state["done"]:
                state["slow"] = True
                _filter.add()

    timer = threading.Timer(EARLY, slow)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            state["done"] = True
        if state["slow"]:
            _filter.remove()
