"""A process that measures one thing and prints its figures as the last line of its output."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

# The most that of a failed process is shown.
LINES = 12


class FailedError(Exception):
    """A process ended with another code than 0, or without figures.

    Attributes:
        code: it ended with; negative for a signal.
    """

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code = code


def run(command: Sequence[str], env: Mapping[str, str]) -> tuple[dict[str, Any], int]:
    """Its figures, and the most bytes of memory that it or one of its own processes had.

    It has a session of its own, so that it ends with all its processes when we are interrupted. The
    system counts this process's memory as its until its program is in place: keep this one small.

    Raises:
        FailedError: as above; the text is the end of what it printed on standard error.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env,
            start_new_session=True,
        )  # fmt: skip
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        code = process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        figures, said = _last(out.read()), err.read().strip().splitlines()
        if code or figures is None:
            raise FailedError(code, "\n".join(said[-LINES:]) or f"ended with code {code}")
    return figures, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _last(text: str) -> dict[str, Any] | None:
    """The last line as an object; None if it is none."""
    try:
        found = json.loads(text.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return found if isinstance(found, dict) else None
