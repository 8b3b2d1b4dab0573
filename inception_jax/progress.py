"""Progress of a long job: a bar on a terminal, plain lines elsewhere."""

import math
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TextIO, TypeVar

from inception_jax.errors import shown, shown_lines

T = TypeVar("T")
BLOCKS = " ▏▎▍▌▋▊▉█"


class Progress:
    """Shows the steps done, values and the time left.

    On a terminal one line is redrawn at most ten times a second; elsewhere a line is written at
    most every `quiet` seconds, and at the end. The time left is estimated from the steps of this
    process without the first one, which compiles. A narrow terminal shows the time left and the
    last values, of which the rate is the last one.
    """

    def __init__(
        self, total: int, *, label: str = "", quiet: float = 10.0, stream: TextIO | None = None
    ):
        self.total, self.step, self.label, self.quiet = total, 0, label, quiet
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self._first: tuple[int, float] | None = None
        self._shown = -math.inf
        self._drawn = False

    def update(self, step: int, values: Mapping[str, str]) -> None:
        """Set the number of steps done, and show the values if the last ones are old enough."""
        now = time.monotonic()
        self._first = self._first or (step, now)
        self.step = step
        if now - self._shown < (0.1 if self.live else self.quiet) and step < self.total:
            return
        self._shown = now
        shown_values = [f"{k} {v}" for k, v in values.items()]
        left = self.seconds_left(now) if step < self.total else None
        end = [] if left is None else [f"ETA {duration(left)}"]
        if not self.live:
            self.stream.write(self._line(shown_values, end) + "\n")
        else:
            # One column is left free: some terminals wrap when the last one is written.
            width = self._columns() - 1
            text = self._line(shown_values, end, width)
            room = width - len(text) - 1
            bar = f"{self._bar(min(room, 30))} " if room >= 8 else ""
            self.stream.write("\r\x1b[2K" + f"{bar}{text}"[:width])
            self._drawn = True
        self.stream.flush()

    def _line(self, values: list[str], end: list[str], width: float = math.inf) -> str:
        """The longest text that fits: values are left out from the first on, then the label."""
        count = f"{self.step}/{self.total}"
        share = f"{self.step / max(self.total, 1):.0%}"
        heads = [([self.label, count], first) for first in range(max(len(values), 1))]
        heads += [([self.label, share], len(values) - 1), ([share], len(values) - 1)]
        text = ""
        for head, first in heads:
            text = shown("  ".join(part for part in (*head, *values[first:], *end) if part))
            if len(text) <= width:
                break
        return text

    def seconds_left(self, now: float) -> float | None:
        """Seconds to the end at the mean rate since the first update; None before the second."""
        if self._first is None or self.step <= self._first[0]:
            return None
        return (self.total - self.step) * (now - self._first[1]) / (self.step - self._first[0])

    def say(self, text: str) -> None:
        """Print a line that stays."""
        if self._drawn:
            self.stream.write("\r\x1b[2K")
            self._drawn = False
        self.stream.write(shown_lines(text) + "\n")
        self.stream.flush()

    def close(self) -> None:
        """End the redrawn line."""
        if self._drawn:
            self.stream.write("\n")
            self.stream.flush()
            self._drawn = False

    def _columns(self) -> int:
        """Width of the stream's terminal, which standard output need not be."""
        try:
            columns = os.get_terminal_size(self.stream.fileno()).columns
        except (OSError, ValueError, AttributeError):
            columns = 0
        return columns or shutil.get_terminal_size().columns

    def _bar(self, width: int) -> str:
        full, part = divmod(int(self.step / max(self.total, 1) * width * 8), 8)
        return (BLOCKS[8] * full + BLOCKS[part] * (part > 0)).ljust(width)[:width]


def watched(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """Yield the items while their number, rate and time left are shown."""
    bar, began = Progress(total, label=label), time.monotonic()
    try:
        for i, item in enumerate(items):
            yield item
            rate = (i + 1) / max(time.monotonic() - began, 1e-9)
            bar.update(i + 1, {"per second": f"{rate:,.0f}"})
    finally:
        bar.close()


def duration(seconds: float) -> str:
    """Format seconds as `42s`, `3m05s`, `2h10m`, `3d04h`."""
    s = round(seconds)
    if s < 60:
        return f"{s}s"
    if s < 3600:
        return f"{s // 60}m{s % 60:02d}s"
    if s < 86400:
        return f"{s // 3600}h{s % 3600 // 60:02d}m"
    return f"{s // 86400}d{s % 86400 // 3600:02d}h"
