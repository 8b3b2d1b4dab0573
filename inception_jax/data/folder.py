"""Any tree of images: `dir/split/class/image`."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inception_jax.data.decode import BadImageError
from inception_jax.errors import ConfigError, DataError

SUFFIXES = (".jpeg", ".jpg", ".png", ".bmp", ".webp")


class Folder:
    """One split of a folder tree.

    The classes are the sorted names of the folders in `dir/split`; with `train_split`, those of
    that split, so that a class without images in this one does not shift the labels.
    """

    def __init__(self, root: str | Path, split: str, train_split: str = ""):
        if not str(root):
            raise ConfigError("--config.data.dir is empty: expected a folder `split/class/image`")
        base = Path(root).expanduser()
        flag = f"--config.data.dir={root}"
        expected = f"{flag}: expected a folder {base / split} with one folder a class, but"
        if not base.is_dir():
            raise ConfigError(f"{expected} {base} is not a folder")
        if not split or not (base / split).is_dir():
            raise ConfigError(f"{expected} {base} has {_listed(subfolders(base))}")
        found = subfolders(base / split)
        trained = train_split and (base / train_split).is_dir()
        self.classes = tuple(subfolders(base / train_split) if trained else found)
        if extra := [name for name in found if name not in set(self.classes)]:
            raise ConfigError(
                f"{flag}: expected in {base / split} only classes of "
                f"{train_split}, but it also has {_listed(extra)}"
            )
        self._root = base
        self._files: list[str] = []
        labels: list[int] = []
        present = set(found)
        for label, name in enumerate(self.classes):
            files = sorted(_images(base / split / name)) if name in present else []
            self._files += [f"{split}/{name}/{f}" for f in files]
            labels += [label] * len(files)
        self._labels = np.asarray(labels, np.int32)
        if not self._files:
            raise ConfigError(
                f"{flag}: expected images ({', '.join(SUFFIXES)}) in "
                f"{base / split}/<class>/, found none; the class folders are {_listed(found)}"
            )

    def __len__(self) -> int:
        return len(self._files)

    def label(self, index: int) -> int:
        """Position of the class folder's name."""
        return int(self._labels[index])

    def stored(self, index: int) -> bytes:
        """The file's bytes; raises BadImageError, or DataError when the file has gone."""
        path = self._root / self._files[index]
        try:
            return path.read_bytes()
        except FileNotFoundError as e:
            raise DataError(f"{path} was there at the start and has gone") from e
        except OSError as e:
            raise BadImageError(str(e)) from e

    def name(self, index: int) -> str:
        """`split/class/file`."""
        return self._files[index]


def subfolders(path: Path) -> list[str]:
    """Names of the folders in `path`, sorted; hidden ones left out."""
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def _images(path: Path) -> list[str]:
    # The directory entry says whether it is a file: a million images need no million stat calls.
    # A hidden `._cat.jpg` is what macOS leaves in an archive, never an image.
    with os.scandir(path) as entries:
        return [
            e.name
            for e in entries
            if e.name.lower().endswith(SUFFIXES) and e.name[0] != "." and e.is_file()
        ]


def _listed(names: Sequence[str], most: int = 10) -> str:
    """`a, b, c and 997 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) + more) or "no folders"
