"""Standard output and error that survive their reader: a run goes on when its terminal is lost."""

import io
import os
import select
import sys
from typing import TextIO

from inception_jax.errors import UserError, from_os_error

_lost: dict[int, OSError] = {}  # file descriptor -> why it could not be written


class SurvivingFile(io.FileIO):
    """A file descriptor to which a write always succeeds.

    When its reader has left, or its disk is full, it is pointed to /dev/null, for this process's
    native code and its child processes too.
    """

    def __init__(self, fd: int):
        super().__init__(fd, "w", closefd=False)

    def write(self, data: bytes | memoryview, /) -> int:  # pyright: ignore
        """Write all of `data`, waiting for a slow reader of a non-blocking pipe."""
        rest = memoryview(data).cast("B")
        try:
            while rest:
                if (written := super().write(rest)) is None:
                    select.select([], [self], [])
                else:
                    rest = rest[written:]
        except OSError as e:
            _lost.setdefault(self.fileno(), e)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
        return len(data)


def surviving(fd: int, like: TextIO | None = None) -> TextIO:
    """A text stream to `fd` whose writes never raise, buffered and encoded as another stream."""
    raw = SurvivingFile(fd)
    immediate = like is None or like.write_through  # pyright: ignore[reportAttributeAccessIssue]
    return io.TextIOWrapper(
        raw if immediate else io.BufferedWriter(raw),  # pyright: ignore[reportArgumentType]
        encoding=like.encoding if like else "utf-8",
        errors="backslashreplace",
        line_buffering=like is None or bool(like.line_buffering),
        write_through=immediate,
    )


def install() -> None:
    """Make this process's standard streams survive; a closed one becomes /dev/null.

    Otherwise the next file that is opened gets the number of the closed one, and what native code
    prints is written into it.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest free number
    sys.stdout = surviving(1, sys.stdout)
    sys.stderr = surviving(2, sys.stderr)


def reader_left() -> bool:
    """Whether standard output has no reader any more, so that more text is of no use."""
    return 1 in _lost


def output_error() -> UserError | None:
    """The error of a command whose result is its text, if that was lost.

    A reader that has left, such as `head`, has what it wanted.
    """
    sys.stdout.flush()
    return from_os_error(_lost[1], "standard output") if 1 in _lost else None
