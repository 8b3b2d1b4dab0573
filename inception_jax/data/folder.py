"""Any tree of images: `dir/split/class/image`."""

import os
from pathlib import Path

import numpy as np

from inception_jax.data.decode import BadImageError, decode
from inception_jax.errors import ConfigError, DataError

SUFFIXES = (".jpeg", ".jpg", ".png", ".bmp", ".webp")


class Folder:
    """One split of a folder tree; classes are the sorted names of the folders in `dir/split`."""

    def __init__(self, root: str | Path, split: str):
        base = Path(root).expanduser()
        if not str(root):
            raise ConfigError("data.dir is empty: expected a folder `split/class/image`")
        if not (base / split).is_dir():
            found = subfolders(base) if base.is_dir() else None
            there = f"it has {', '.join(found) or 'no folders'}" if found is not None else "missing"
            raise ConfigError(
                f"data.dir={root}: expected a folder {base / split} with one folder a class, "
                f"but {base} {'is ' if found is None else ''}{there}"
            )
        self._root = base
        self.classes = tuple(subfolders(base / split))
        self._files: list[str] = []
        labels: list[int] = []
        for label, name in enumerate(self.classes):
            files = sorted(_images(base / split / name))
            self._files += [f"{split}/{name}/{f}" for f in files]
            labels += [label] * len(files)
        self._labels = np.asarray(labels, np.int32)
        if not self._files:
            raise ConfigError(
                f"data.dir={root}: expected images ({', '.join(SUFFIXES)}) in "
                f"{base / split}/<class>/, found none in {len(self.classes)} class folders"
            )

    def __len__(self) -> int:
        return len(self._files)

    def label(self, index: int) -> int:
        """Position of the class folder's name."""
        return int(self._labels[index])

    def image(self, index: int) -> np.ndarray:
        """uint8 [h, w, 3]; raises BadImageError, or DataError when the file has gone."""
        path = self._root / self._files[index]
        try:
            data = path.read_bytes()
        except FileNotFoundError as e:
            raise DataError(f"{path} was there at the start and has gone") from e
        except OSError as e:
            raise BadImageError(str(e)) from e
        return decode(data)

    def name(self, index: int) -> str:
        """`split/class/file`."""
        return self._files[index]


def subfolders(path: Path) -> list[str]:
    """Names of the folders in `path`, sorted; hidden ones left out."""
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def _images(path: Path) -> list[str]:
    with os.scandir(path) as entries:
        return [e.name for e in entries if e.name.lower().endswith(SUFFIXES) and e.is_file()]
