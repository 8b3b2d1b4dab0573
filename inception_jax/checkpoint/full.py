"""A full disk: seen before a save, and recognised in what a failed one raised."""

import errno
import os
import shutil
from pathlib import Path

from inception_jax.errors import DiskFullError

FULL = (errno.ENOSPC, errno.EDQUOT)
# TensorStore says it in words only, and Orbax wraps what it raises.
WORDS = (*(os.strerror(n) for n in FULL), "ENOSPC", "EDQUOT")


def free(directory: Path) -> int:
    """Bytes that may still be written there."""
    return shutil.disk_usage(directory).free


def refuse(directory: Path, size: int, room: int) -> None:
    """Raises DiskFullError where a save of `size` bytes does not fit into `room`.

    A twentieth and a megabyte more are asked for: file systems count in blocks, and the loop's own
    lines have to go somewhere.
    """
    need = size + size // 20 + 2**20
    if room < need:
        raise DiskFullError(
            f"no room for a checkpoint in {directory}: expected {need:,} bytes free, found "
            f"{room:,}; make room for {need - room:,} more, or lower checkpoint.keep, and run the "
            f"same command again: it resumes from the last whole checkpoint"
        )


def explained(error: BaseException) -> BaseException:
    """A DiskFullError if a full disk is what it comes from, else itself."""
    seen: BaseException | None = error
    while seen is not None:
        if getattr(seen, "errno", None) in FULL or any(word in str(seen) for word in WORDS):
            first = str(seen).splitlines()[0][:300]
            return DiskFullError(
                f"no room left to save a checkpoint ({first}); free some and run the same command "
                f"again: it resumes from the last whole checkpoint"
            )
        seen = seen.__cause__ or seen.__context__
    return error
