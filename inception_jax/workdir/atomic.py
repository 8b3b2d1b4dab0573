"""Write-then-rename: a file or folder is complete and on the disk, or not visible."""

import glob
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from inception_jax.errors import ConfigError

STALE = 86400.0  # seconds after which a partial output belongs to a process that was killed


@contextmanager
def replacing(path: Path, suffix: str = "") -> Iterator[Path]:
    """Yield a temporary name beside `path`; at the end its content is synced and becomes `path`.

    The body writes a file, or makes a folder, which then must not exist at `path` yet. If the body
    raises, the temporary content is removed and `path` is unchanged.

    Args:
        path: the output.
        suffix: of the temporary name, where a library chooses the format by it.

    Raises:
        ConfigError: `path` is a device or a pipe, which would be replaced too.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ConfigError(f"cannot write {path}: expected a file or a new name, got a device")
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.partial{suffix}"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE:
                remove(left)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial{suffix}")
    try:
        with naming(path, partial):
            yield partial
            sync_tree(partial)
            os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            remove(partial)
        raise
    sync_folder(path.parent)


@contextmanager
def naming(path: Path, partial: Path | None = None) -> Iterator[None]:
    """Name `path` in an error of the body that names no file, or the `partial` one.

    A full disk is found by `write`, which does not know the name that the user has to see.
    """
    try:
        yield
    except OSError as e:
        if e.filename is None or (partial and str(e.filename).startswith(str(partial))):
            e.filename = str(path)
        raise


def write_text(path: Path, text: str) -> None:
    """Replace the content of `path` by `text` (UTF-8)."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def sync_tree(path: Path) -> None:
    """Return when a file, or all files and names below a folder, are on the disk."""
    for item in [*path.rglob("*"), path] if path.is_dir() else [path]:
        if item.is_dir():
            sync_folder(item)
        else:
            with item.open("rb") as file:
                os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable, where the file system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove(path: Path) -> None:
    """Remove a file, a folder or a link, not what the link points to; nothing is fine, too."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
