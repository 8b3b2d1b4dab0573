"""Log-probabilities of images on the disk, so that an evaluation that was killed continues.

    WORKDIR/eval/kept/<split>-<protocol>-<digest>/about.json    what they are of
                                                  00000000.npz  images of the first minute
                                                  00000217.npz  of the second, and so on
                                                  all.npz       all of them, at the end

50,000 images of 1,000 classes take 200 MB. They are float32: in 16 bits, classes would tie. The
folder may be deleted at any time; an ensemble takes from it what its members have done already.
"""

import hashlib
import json
import shutil
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from inception_jax.errors import writing
from inception_jax.workdir import atomic

VERSION = 1  # of what a protocol means: another takes nothing of this one
EVERY = 30.0  # seconds between two parts: what a kill costs, at most
WHOLE = "all.npz"


class LogProbCache:
    """What is known of a split's images, by weights, protocol and data; one process writes it.

    Args:
        folder: where; what lies there is taken only if it is of the same things.
        about: those things: JSON values.
        classes: of a row.
        fresh: to take nothing.

    Raises:
        ConfigError: the folder cannot be written.
    """

    def __init__(self, folder: Path, about: dict[str, Any], classes: int, fresh: bool = False):
        self.folder = folder
        self._rows: list[dict[str, np.ndarray]] = [_empty(classes)]
        self._new: list[dict[str, np.ndarray]] = []
        self._written = time.monotonic()
        text = json.dumps(about, indent=2, sort_keys=True) + "\n"
        try:
            there = (folder / "about.json").read_text(encoding="utf-8")
        except OSError:
            there = ""
        if fresh or there != text:
            with writing(f"results in {folder}"):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                atomic.write_text(folder / "about.json", text)
        self._rows += [part for path in self._parts() if (part := _read(path, classes))]

    @property
    def done(self) -> np.ndarray:
        """Indices of the images that are known, rising."""
        return np.unique(np.concatenate([r["index"] for r in self._rows + self._new]))

    @property
    def unreadable(self) -> np.ndarray:
        """Indices of those that could not be read and are not known; they may have been mended."""
        tried = np.concatenate([r["unreadable"] for r in self._rows + self._new])
        return np.setdiff1d(tried, self.done)

    def add(self, index: np.ndarray, label: np.ndarray, log: np.ndarray, bad: np.ndarray) -> None:
        """Takes more images, and writes them when it is time to.

        Raises:
            DiskFullError: there is no room.
        """
        self._new.append({"index": index, "label": label, "log": log, "unreadable": bad})
        if time.monotonic() - self._written >= EVERY:
            self.write()

    def write(self) -> None:
        """Writes what has come since the last time; whole or not at all.

        Raises:
            DiskFullError: there is no room.
        """
        if self._new:
            part, number = _joined(self._new), sum(len(r["index"]) for r in self._rows)
            while (self.folder / f"{number:08d}.npz").exists():
                number += 1  # a part before it was damaged
            self._save(f"{number:08d}.npz", part)
            self._rows.append(part)
            self._new = []
        self._written = time.monotonic()

    def whole(self, chosen: np.ndarray) -> dict[str, np.ndarray]:
        """index, label and log of those of `chosen` that are known, by index; one file from now on.

        Raises:
            DiskFullError: there is no room.
        """
        several = len(self._rows) + len(self._new) > 2
        self.write()
        rows = _joined(self._rows)
        _, first = np.unique(rows["index"], return_index=True)
        rows = {k: v if k == "unreadable" else v[first] for k, v in rows.items()}
        self._rows = [rows]
        if several:
            self._save(WHOLE, rows)
            for path in self._parts():
                if path.name != WHOLE:
                    path.unlink(missing_ok=True)
        here = np.isin(rows["index"], chosen)
        return {k: rows[k][here] for k in ("index", "label", "log")}

    def _parts(self) -> list[Path]:
        return sorted(p for p in self.folder.glob("*.npz") if ".partial" not in p.name)

    def _save(self, name: str, rows: dict[str, Any]) -> None:
        resumes = f"continues after the {len(self.done):,} images it has"
        with (
            writing(f"results in {self.folder}", resumes),
            atomic.replacing(self.folder / name, ".npz") as partial,
        ):
            np.savez(partial, **rows)


def fingerprint(*things: Any) -> str:
    """Sixteen hexadecimal digits of JSON values."""
    return hashlib.sha256(json.dumps(things, sort_keys=True).encode()).hexdigest()[:16]


def _empty(classes: int) -> dict[str, np.ndarray]:
    none = np.zeros(0, np.int32)
    return {
        "index": none, "label": none, "unreadable": none,
        "log": np.zeros((0, classes), np.float32),
    }  # fmt: skip


def _joined(rows: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {k: np.concatenate([r[k] for r in rows]) for k in rows[0]}


def _read(path: Path, classes: int) -> dict[str, np.ndarray] | None:
    """The rows of a part; a damaged one (zip has a checksum) is deleted, its images done again."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            rows = {k: arrays[k] for k in ("index", "label", "unreadable", "log")}
        if rows["log"].shape == (len(rows["index"]), classes) and len(rows["label"]) == len(
            rows["index"]
        ):
            return rows
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    path.unlink(missing_ok=True)
    return None
