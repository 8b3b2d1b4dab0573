"""A cache of log-probabilities on disk, so that a killed evaluation continues.

    WORKDIR/eval/log_probs/<split>-<protocol>-<digest>/about.json    what determines them
                                                       00000000.npz  images of the first 30 seconds
                                                       00000217.npz  of the next, and so on
                                                       all.npz       all images, at the end

50,000 images of 1,000 classes take 200 MB. They are float32: in 16 bits, classes would tie. The
folder may be deleted at any time; an ensemble reuses what its members have evaluated before.
"""

import hashlib
import json
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inception_jax.errors import writing
from inception_jax.workdir import atomic

VERSION = 1  # of the protocols' definitions: another version's entries are not used
EVERY = 30.0  # seconds between two parts: what a kill costs, at most
ALL = "all.npz"
ELSEWHERE = "give --out=DIR"

Rows = dict[str, np.ndarray]  # index [n], label [n], log [n, classes], unreadable [m]


class LogProbCache:
    """Log-probabilities of a split's images, by weights, protocol and data; one process writes it.

    The content of the folder is used only if it was saved with an equal `about`, the JSON values
    that determine the log-probabilities; `fresh` deletes it. `before_write` is called before
    anything is written.

    Raises:
        ConfigError: the folder cannot be written.
    """

    def __init__(
        self, folder: Path, about: dict[str, Any], classes: int, fresh: bool = False,
        before_write: Callable[[], None] = lambda: None,
    ):  # fmt: skip
        self.folder, self._before_write = folder, before_write
        self._rows: list[Rows] = [empty_rows(classes)]
        self._new: list[Rows] = []  # not written yet
        self._written = time.monotonic()
        text = json.dumps(about, indent=2, sort_keys=True) + "\n"
        try:
            saved = (folder / "about.json").read_text(encoding="utf-8")
        except OSError:
            saved = ""
        if fresh or saved != text:
            before_write()
            with writing(f"results in {folder}", elsewhere=ELSEWHERE):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                atomic.write_text(folder / "about.json", text)
        self._rows += [part for path in self._parts() if (part := _read(path, classes))]

    @property
    def done(self) -> np.ndarray:
        """Indices of the cached images, rising."""
        return np.unique(np.concatenate([r["index"] for r in self._rows + self._new]))

    @property
    def unreadable(self) -> np.ndarray:
        """Indices of images that could not be read, and may have been repaired since."""
        tried = np.concatenate([r["unreadable"] for r in self._rows + self._new])
        return np.setdiff1d(tried, self.done)

    def add(self, index: np.ndarray, label: np.ndarray, log: np.ndarray, bad: np.ndarray) -> None:
        """Adds images; writes them, as `write`, `EVERY` seconds after the last write."""
        self._new.append({"index": index, "label": label, "log": log, "unreadable": bad})
        if time.monotonic() - self._written >= EVERY:
            self.write()

    def write(self) -> None:
        """Writes the images added since the last write, as one file that appears complete.

        Raises:
            DiskFullError: the disk is full.
        """
        if self._new:
            part, number = _concatenated(self._new), sum(len(r["index"]) for r in self._rows)
            while (self.folder / f"{number:08d}.npz").exists():
                number += 1  # a part before it was damaged
            self._save(f"{number:08d}.npz", part)
            self._rows.append(part)
            self._new = []
        self._written = time.monotonic()

    def select(self, chosen: np.ndarray) -> Rows:
        """index, label and log of the cached images of `chosen`, by index; merges the files."""
        self.write()
        rows = _concatenated(self._rows)
        _, first = np.unique(rows["index"], return_index=True)
        rows = {k: v if k == "unreadable" else v[first] for k, v in rows.items()}
        self._rows = [rows]
        if parts := [path for path in self._parts() if path.name != ALL]:
            self._save(ALL, rows)
            for path in parts:
                path.unlink()
        wanted = np.isin(rows["index"], chosen)
        return {k: rows[k][wanted] for k in ("index", "label", "log")}

    def _parts(self) -> list[Path]:
        return sorted(p for p in self.folder.glob("*.npz") if ".partial" not in p.name)

    def _save(self, name: str, rows: Rows) -> None:
        self._before_write()
        resumes = f"continues after the {len(self.done):,} images it has"
        with (
            writing(f"results in {self.folder}", resumes, ELSEWHERE),
            atomic.replacing(self.folder / name, ".npz") as partial,
        ):
            np.savez(partial, **rows)  # type: ignore[arg-type]


def fingerprint(*values: Any) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def empty_rows(classes: int) -> Rows:
    """The rows of no images."""
    none = np.zeros(0, np.int32)
    log = np.zeros((0, classes), np.float32)
    return {"index": none, "label": none, "unreadable": none, "log": log}


def _concatenated(rows: list[Rows]) -> Rows:
    return {k: np.concatenate([r[k] for r in rows]) for k in rows[0]}


def _read(path: Path, classes: int) -> Rows | None:
    """The rows of a part; a damaged one (zip has a checksum) is deleted and evaluated again."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            rows = {k: arrays[k] for k in ("index", "label", "unreadable", "log")}
        count = len(rows["index"])
        if rows["log"].shape == (count, classes) and len(rows["label"]) == count:
            return rows
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    path.unlink(missing_ok=True)
    return None
