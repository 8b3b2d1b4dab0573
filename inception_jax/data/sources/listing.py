"""The image files of a tree `class/image`, listed once and remembered.

Listing the 1.28 million files of ImageNet takes seconds on a local disk and minutes on a network's.
The list is kept in ~/.cache/inception_jax/listings (or below $XDG_CACHE_HOME) and read again as
long as no class folder has changed, which a folder's modification time says.
"""

import contextlib
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from inception_jax.progress import Progress

SUFFIXES = (".jpeg", ".jpg", ".png", ".bmp", ".webp")
WORTH = 20_000  # files: fewer are listed faster than a cache is worth
THREADS = 16  # a network's disk answers many at once
SETTLED = 2.0  # seconds: a folder that changed less long ago may change again unseen


@dataclass(frozen=True)
class Listing:
    """The files of the classes, in order.

    Attributes:
        names: bytes [n], the files' names: class by class, each class's sorted.
        labels: int32 [n], the position of each file's class.
    """

    names: np.ndarray
    labels: np.ndarray


def of(root: Path, classes: list[str]) -> Listing:
    """The images in `root/<class>/` for each of `classes`; a class may have no folder."""
    folders = [root / c for c in classes]
    changed = np.array([_modified(f) for f in folders], np.int64)
    cache = _cache_of(root)
    kept = _read(cache, classes, changed)
    if kept is not None:
        return kept
    found = _listed(folders)
    if len(found.names) >= WORTH and changed.max() < (time.time() - SETTLED) * 1e9:
        _write(cache, classes, changed, found)
    return found


def subfolders(path: Path) -> list[str]:
    """Names of the folders in `path`, sorted; hidden ones left out."""
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def _listed(folders: list[Path]) -> Listing:
    names: list[list[bytes]] = []
    bar, began = Progress(len(folders), label="listing class folders"), time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        for files in pool.map(_images, folders):
            names.append(files)
            if time.monotonic() - began > 1:
                bar.update(len(names), {"files": f"{sum(map(len, names)):,}"})
    bar.close()
    return Listing(
        np.array([n for files in names for n in files], np.bytes_),
        np.repeat(np.arange(len(names), dtype=np.int32), [len(files) for files in names]),
    )


def _images(folder: Path) -> list[bytes]:
    # The directory entry says whether it is a file: a million images need no million stat calls.
    # A hidden `._cat.jpg` is what macOS leaves in an archive, never an image.
    try:
        with os.scandir(folder) as entries:
            return sorted(
                os.fsencode(e.name)
                for e in entries
                if e.name.lower().endswith(SUFFIXES) and e.name[0] != "." and e.is_file()
            )
    except FileNotFoundError:
        return []


def _modified(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _cache_of(root: Path) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    key = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return Path(base).expanduser() / "inception_jax" / "listings" / f"{key}.npz"


def _read(cache: Path, classes: list[str], changed: np.ndarray) -> Listing | None:
    """The remembered list, or None if there is none or a folder has changed since."""
    try:
        with cache.open("rb") as file, np.load(file) as f:
            same = f["classes"].tolist() == classes and np.array_equal(f["changed"], changed)
            return Listing(f["names"], f["labels"]) if same else None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _write(cache: Path, classes: list[str], changed: np.ndarray, found: Listing) -> None:
    partial = cache.with_name(f"{cache.stem}.{os.getpid()}.npz")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            partial, classes=np.array(classes), changed=changed, names=found.names,
            labels=found.labels,
        )  # fmt: skip
        os.replace(partial, cache)
    except OSError:  # a home that is full or read-only costs only the time to list again
        with contextlib.suppress(OSError):
            partial.unlink()
