"""Free space where an output will be written."""

import shutil
from pathlib import Path


def existing(path: Path) -> Path:
    """The path, or its nearest parent that exists."""
    return next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())


def free_bytes(path: Path) -> int:
    """Bytes that may still be written at `path`, which need not exist yet."""
    return shutil.disk_usage(existing(path)).free
