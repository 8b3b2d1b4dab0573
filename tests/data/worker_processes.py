"""Finds worker processes; sources that fail in them."""

import os
import threading
from pathlib import Path

from tests.data.pictures import Pictures


def running(pid: int) -> bool:
    """Whether a process is there, and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def reading() -> list[int]:
    """The ids of the worker processes of this one."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                words = status.with_name("cmdline").read_bytes()
                found += [int(status.parent.name)] * (b"reader_process" in words)
        except OSError:  # it has ended
            continue
    return found


class Broken(Pictures):
    """A source whose images cannot be read."""

    def __init__(self):
        super().__init__(50)

    def stored(self, index):
        raise LookupError("the disk is gone")


class Locked(Broken):
    """The same, with an error that cannot be pickled."""

    def stored(self, index):
        raise LookupError("the disk is gone", threading.Lock())
