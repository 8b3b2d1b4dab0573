"""Free space where an output will be written."""

import shutil
from pathlib import Path


def free_bytes(path: Path) -> int:
    """Bytes that may still be written at `path`, which need not exist yet."""
    folder = path.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
