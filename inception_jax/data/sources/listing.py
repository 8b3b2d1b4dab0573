"""Which files are images, and lists of them.

The rule, for every command: the name ends with a suffix of `FORMATS` (or of another `FileKind`), in
any case, and does not begin with a dot; it is a file or a link to one. Folders whose name begins
with a dot are skipped. Links to folders are followed, and a folder is listed once, whatever leads
to it. What is left out is counted (`left_out.py`).

Listing the 1.28 million files of ImageNet takes seconds on a local disk and minutes on a network's.
The list of a tree `class/image` is cached in ~/.cache/inception_jax/listings (or below
$XDG_CACHE_HOME) and valid until the modification time of a class folder changes.
"""

import contextlib
import hashlib
import heapq
import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from inception_jax.data.sources.left_out import LeftOut
from inception_jax.errors import ConfigError, shown
from inception_jax.progress import Progress
from inception_jax.runtime import user_paths
from inception_jax.workdir import atomic

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".webp": "WebP"}
SUFFIXES = tuple(FORMATS)
FOLDER, HIDDEN = "folders", "hidden"
AGAIN = "folders that are listed under another name, or contain this one"
CACHED_FILES = 20_000  # fewer files are listed faster than a cache is worth
THREADS = 16  # a network's disk answers many requests at the same time
SETTLED = 2.0  # seconds: a folder that changed less long ago may change again unseen


def images_below(root: Path, suffixes: tuple[str, ...] = SUFFIXES) -> tuple[list[str], LeftOut]:
    """Paths of the images below `root`, relative to it, sorted; and what is left out.

    Folders are listed before links to folders, so that an image in both has its folder's name.

    Raises:
        ConfigError: there are none, or a folder cannot be listed.
    """
    images, left_out, real = [], LeftOut(), root.resolve()
    listed = {_identity(_stat(path)) for path in real.parents}  # a link to one lists everything
    folders, links = [""], list[str]()
    while folders or links:
        folder = folders.pop() if folders else heapq.heappop(links)
        if (identity := _identity(_stat(root / folder))) in listed:
            left_out.add(AGAIN, folder)
            continue
        listed.add(identity)
        for entry in _entries(os.path.join(root, folder)):
            path, reason = os.path.join(folder, entry.name), why_not(entry, suffixes)
            if not reason:
                images.append(path)
            elif reason != FOLDER:
                left_out.add(reason, path)
            elif entry.is_symlink():
                heapq.heappush(links, path)
            else:
                folders.append(path)
    if not images:
        found = "\n".join(["none", *left_out.lines(str(root))])
        raise ConfigError(f"expected images ({', '.join(suffixes)}) below {root}, found {found}")
    return sorted(images), left_out


def other(suffixes: tuple[str, ...] = SUFFIXES) -> str:
    """The reason of files that have none of the suffixes."""
    return f"without the suffix {', '.join(suffixes)}"


def why_not(entry: os.DirEntry[str], suffixes: tuple[str, ...] = SUFFIXES) -> str:
    """Why a directory entry is no image; empty if it is one. See the rule above.

    The entry has the file's type: a million images need no million stat calls.
    """
    if entry.name[0] == ".":
        return HIDDEN
    try:
        if entry.is_file():
            return "" if entry.name.lower().endswith(suffixes) else other(suffixes)
        if entry.is_dir():
            return FOLDER
    except OSError:
        if not entry.is_symlink():  # to itself, or into a folder that may not be read
            raise
    return "links that cannot be followed" if entry.is_symlink() else "neither files nor folders"


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    """The entries of a folder by name; none if it does not exist.

    Raises:
        ConfigError: it cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda e: e.name)
    except FileNotFoundError:
        return []
    except OSError as e:
        raise ConfigError(
            f"expected a folder of images that can be listed: {shown(folder)}: {e.strerror}"
        ) from e


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _identity(stat: os.stat_result | None) -> tuple[int, int] | None:
    """The device and inode of a folder; None if it does not exist."""
    return (stat.st_dev, stat.st_ino) if stat else None


class Listing(NamedTuple):
    """The files of the classes, in order."""

    names: np.ndarray  # bytes [n]: class by class, each class's sorted
    labels: np.ndarray  # int32 [n], the position of each file's class
    left_out: LeftOut


def of(root: Path, classes: list[str], suffixes: tuple[str, ...] = SUFFIXES) -> Listing:
    """The images in `root/<class>/` for each of `classes`; a class may have no folder."""
    folders = [root / c for c in classes]
    stats = [_stat(folder) for folder in folders]
    changed = np.array([stat.st_mtime_ns if stat else 0 for stat in stats], np.int64)
    cache = _cache_of(root, suffixes)
    cached = _read(cache, classes, changed) if cache else None
    if cached is not None:
        return cached
    listing = _listed(dict(zip(folders, map(_identity, stats), strict=True)), suffixes)
    settled = (time.time() - SETTLED) * 1e9
    if cache and len(listing.names) >= CACHED_FILES and changed.max() < settled:
        _write(cache, classes, changed, listing)
    return listing


def subfolders(path: Path) -> tuple[list[str], LeftOut]:
    """Names of the folders in `path`, sorted, those of hidden ones not; and what is left out."""
    folders, left_out = [], LeftOut()
    for entry in _entries(path):
        if (reason := why_not(entry)) == FOLDER:
            folders.append(entry.name)
        else:
            left_out.add(reason or "images beside the folders", entry.name)
    return folders, left_out


def _listed(folders: Mapping[Path, tuple[int, int] | None], suffixes: tuple[str, ...]) -> Listing:
    names: list[list[bytes]] = []
    bar, began = Progress(len(folders), label="listing class folders"), time.monotonic()
    left_out, first = LeftOut(), dict[Any, Path]()
    for folder in sorted(folders, key=Path.is_symlink):
        first.setdefault(folders[folder], folder)
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(partial(_images, suffixes=suffixes), folders)
        for folder, (files, others) in zip(folders, found, strict=True):
            if folders[folder] and first[folders[folder]] != folder:
                files, others = [], LeftOut()
                left_out.add(AGAIN, folder.name)
            left_out.add_all(others, folder.name)
            names.append(files)
            if time.monotonic() - began > 1:
                bar.update(len(names), {"files": f"{sum(map(len, names)):,}"})
    bar.close()
    return Listing(
        np.array([n for files in names for n in files], np.bytes_),
        np.repeat(np.arange(len(names), dtype=np.int32), [len(files) for files in names]),
        left_out,
    )


def _images(folder: Path, suffixes: tuple[str, ...]) -> tuple[list[bytes], LeftOut]:
    images, left_out = [], LeftOut()
    for entry in _entries(folder):
        if reason := why_not(entry, suffixes):
            left_out.add("folders in a class" if reason == FOLDER else reason, entry.name)
        else:
            images.append(os.fsencode(entry.name))
    return sorted(images), left_out


def _cache_of(root: Path, suffixes: tuple[str, ...]) -> Path | None:
    what = "" if suffixes == SUFFIXES else "\0".join(("", *suffixes))
    key = hashlib.sha256(os.fsencode(f"{root.resolve()}{what}")).hexdigest()[:16]
    base = user_paths.cache_home()
    return base / "inception_jax" / "listings" / f"{key}.npz" if base else None


def _read(cache: Path, classes: list[str], changed: np.ndarray) -> Listing | None:
    """The cached list, or None if there is none or a folder has changed since."""
    try:
        with cache.open("rb") as file, np.load(file) as f:
            same = f["classes"].tolist() == classes and np.array_equal(f["changed"], changed)
            left_out = LeftOut(json.loads(str(f["left_out"]))) if same else LeftOut()
            return Listing(f["names"], f["labels"], left_out) if same else None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _write(cache: Path, classes: list[str], changed: np.ndarray, listing: Listing) -> None:
    with contextlib.suppress(OSError):  # a full or read-only home costs only the time to list again
        cache.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(cache, suffix=".npz") as partial:
            np.savez(
                partial, classes=np.array(classes), changed=changed, names=listing.names,
                labels=listing.labels, left_out=json.dumps(listing.left_out.json()),
            )  # fmt: skip
