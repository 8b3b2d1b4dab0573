"""A folder tree of images: `dir/split/class/image`."""

import os
from pathlib import Path

import numpy as np

from inception_jax.data.images.picture import Stored
from inception_jax.data.sources import listing
from inception_jax.data.sources.file_kind import RGB, FileKind
from inception_jax.data.sources.left_out import first_few
from inception_jax.data.sources.listing import Listing
from inception_jax.errors import ConfigError
from inception_jax.runtime import user_paths


class Folder:
    """One split of a folder tree.

    The classes are the sorted names of the folders in `dir/split`; with `train_split`, those of
    that split, so that a class without images in this one does not shift the labels.
    """

    def __init__(self, root: str | Path, split: str, train_split: str = "", kind: FileKind = RGB):
        if not str(root):
            raise ConfigError("--config.data.dir is empty: expected a folder `split/class/image`")
        base = user_paths.expanded(root)
        flag = f"--config.data.dir={root}"
        expected = f"{flag}: expected a folder {base / split} with one folder a class, but"
        if not base.is_dir():
            raise ConfigError(f"{expected} {base} is not a folder")
        if not split or not (base / split).is_dir():
            raise ConfigError(f"{expected} {base} has {_listed(listing.subfolders(base)[0])}")
        found, self.left_out = listing.subfolders(base / split)
        trained = train_split and (base / train_split).is_dir()
        self.classes = tuple(listing.subfolders(base / train_split)[0] if trained else found)
        if extra := [name for name in found if name not in set(self.classes)]:
            raise ConfigError(
                f"{flag}: expected in {base / split} only classes of "
                f"{train_split}, but it also has {_listed(extra)}"
            )
        self._split, self._kind = split, kind
        # Of each class: its folder, and a separator.
        self._folders = [os.fsencode(base / split / name) + b"/" for name in self.classes]
        self._files = listing.of(base / split, list(self.classes), kind.suffixes)
        self.left_out.add_all(self._files.left_out)
        self._files = self._images()
        if not len(self):
            left_out = "".join(f"\n{line}" for line in self.left_out.lines(split))
            raise ConfigError(
                f"{flag}: expected images ({', '.join(kind.suffixes)}) in "
                f"{base / split}/<class>/, found none; the class folders are {_listed(found)}"
                f"{left_out}"
            )

    def __len__(self) -> int:
        return len(self._files.names)

    @property
    def labels(self) -> np.ndarray:
        """The classes of all images, int32 [n]."""
        return self._files.labels

    def label(self, index: int) -> int:
        """Position of the class folder's name."""
        return int(self._files.labels[index])

    def stored(self, index: int) -> Stored:
        """The file's bytes, or its pixels unless they are RGB; raises BadImageError."""
        files = self._files
        return self._kind.read(self._folders[files.labels[index]] + files.names[index])

    def _images(self) -> Listing:
        """The files that stand for an image: not the further ones of a group."""
        files = self._files
        if self._kind.files != "groups":
            return files
        below = [os.fsencode(self.name(i)) for i in range(len(files.names))]
        firsts = self._kind.firsts(below, self.left_out)
        return Listing(files.names[firsts], files.labels[firsts], files.left_out)

    def stamp(self, index: int) -> str:
        """The sizes and the modification times of the image's files; empty where one is missing."""
        files = self._files
        return self._kind.stamp(self._folders[files.labels[index]] + files.names[index])

    def name(self, index: int) -> str:
        """`split/class/file`."""
        folder = self.classes[self._files.labels[index]]
        return f"{self._split}/{folder}/{os.fsdecode(self._files.names[index])}"


def _listed(names: list[str]) -> str:
    return first_few(names) or "no folders"
