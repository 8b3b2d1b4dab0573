"""Which files are images, and lists of them.

The rule, for every command: the name ends with a suffix of `FORMATS`, in any case, and does not
begin with a dot; it is a file or a link to one. Folders whose name begins with a dot are skipped.

Listing the 1.28 million files of ImageNet takes seconds on a local disk and minutes on a network's.
The list of a tree `class/image` is cached in ~/.cache/inception_jax/listings (or below
$XDG_CACHE_HOME) and valid until the modification time of a class folder changes.
"""

import contextlib
import errno
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from inception_jax.errors import ConfigError
from inception_jax.progress import Progress
from inception_jax.runtime import user_paths
from inception_jax.workdir import atomic

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".webp": "WebP"}
SUFFIXES = tuple(FORMATS)
CACHED_FILES = 20_000  # fewer files are listed faster than a cache is worth
THREADS = 16  # a network's disk answers many requests at the same time
SETTLED = 2.0  # seconds: a folder that changed less long ago may change again unseen


def is_image(entry: os.DirEntry[str]) -> bool:
    """Whether a directory entry is an image file; see the rule above.

    The entry has the file's type: a million images need no million stat calls.
    """
    if entry.name[0] == "." or not entry.name.lower().endswith(SUFFIXES):
        return False
    try:
        return entry.is_file()
    except OSError as e:
        if e.errno == errno.ELOOP:  # a link to itself
            return False
        raise


def images_below(root: Path) -> list[str]:
    """Paths of the images below `root`, relative to it, sorted.

    `root` may be a link; links to folders below it are not followed, since they may form a cycle.

    Raises:
        ConfigError: there are none.
    """
    images, folders = [], [""]
    while folders:
        folder = folders.pop()
        with os.scandir(os.path.join(root, folder)) as entries:
            for e in entries:
                if is_image(e):
                    images.append(os.path.join(folder, e.name))
                elif e.name[0] != "." and e.is_dir(follow_symlinks=False):
                    folders.append(os.path.join(folder, e.name))
    if not images:
        raise ConfigError(f"expected images ({', '.join(SUFFIXES)}) below {root}, found none")
    return sorted(images)


class Listing(NamedTuple):
    """The files of the classes, in order."""

    names: np.ndarray  # bytes [n]: class by class, each class's sorted
    labels: np.ndarray  # int32 [n], the position of each file's class


def of(root: Path, classes: list[str]) -> Listing:
    """The images in `root/<class>/` for each of `classes`; a class may have no folder."""
    folders = [root / c for c in classes]
    changed = np.array([_modified(f) for f in folders], np.int64)
    cache = _cache_of(root)
    cached = _read(cache, classes, changed) if cache else None
    if cached is not None:
        return cached
    listing = _listed(folders)
    settled = (time.time() - SETTLED) * 1e9
    if cache and len(listing.names) >= CACHED_FILES and changed.max() < settled:
        _write(cache, classes, changed, listing)
    return listing


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
    try:
        with os.scandir(folder) as entries:
            return sorted(os.fsencode(e.name) for e in entries if is_image(e))
    except FileNotFoundError:
        return []


def _modified(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _cache_of(root: Path) -> Path | None:
    key = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    base = user_paths.cache_home()
    return base / "inception_jax" / "listings" / f"{key}.npz" if base else None


def _read(cache: Path, classes: list[str], changed: np.ndarray) -> Listing | None:
    """The cached list, or None if there is none or a folder has changed since."""
    try:
        with cache.open("rb") as file, np.load(file) as f:
            same = f["classes"].tolist() == classes and np.array_equal(f["changed"], changed)
            return Listing(f["names"], f["labels"]) if same else None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _write(cache: Path, classes: list[str], changed: np.ndarray, listing: Listing) -> None:
    with contextlib.suppress(OSError):  # a full or read-only home costs only the time to list again
        cache.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(cache, suffix=".npz") as partial:
            np.savez(
                partial, classes=np.array(classes), changed=changed, names=listing.names,
                labels=listing.labels,
            )  # fmt: skip
