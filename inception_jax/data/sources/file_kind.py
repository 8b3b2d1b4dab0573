"""What a file of a folder holds: an RGB or grey image, all channels of one, or one of its channels.

`data.files`:

- `images`: JPEG, PNG, BMP and WebP, of 3 channels, or as one grey channel.
- `arrays`: .npy files [h, w, c] or [h, w], and TIFF files with a grey page for each channel.
- `groups`: a grey file for each channel, of one suffix: NAME_c0.png, NAME_c1.png, ... The first of
  them stands for the image wherever a file is named.
"""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from inception_jax.config import sections
from inception_jax.data.images import channels
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Stored
from inception_jax.data.sources import listing
from inception_jax.data.sources.file_bytes import contents
from inception_jax.data.sources.left_out import LeftOut, first_few
from inception_jax.errors import DataError

ARRAYS = (".npy", ".tif", ".tiff")
MEMBER = re.compile(rb"(.+)_c(0|[1-9][0-9]*)(\.\w+)", re.DOTALL)
UNNAMED = "not named NAME_c0, NAME_c1, ..."


class FileKind(NamedTuple):
    """The keys `files`, `channels` and `dtype` of a config's `data` section."""

    files: str = "images"
    channels: int = 3
    dtype: str = "uint8"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes of its files."""
        more = {"arrays": ARRAYS, "groups": (*listing.SUFFIXES, *ARRAYS[1:])}
        return more.get(self.files, listing.SUFFIXES)

    def read(self, path: bytes) -> Stored:
        """The image of which `path` is the file, or the first: pixels, or the bytes of an RGB one.

        Raises:
            BadImageError: it cannot be read, or has other channels or another dtype.
        """
        return self._group(path) if self.files == "groups" else self.decoded(contents(path))

    def decoded(self, data: bytes) -> Stored:
        """The image of a file's bytes, which is no group's; see `read`."""
        if self.files == "images" and self.channels == 3:
            return data
        pixels = channels.grey(data) if self.files == "images" else channels.array(data)
        return channels.checked(pixels, self.channels, self.dtype)

    def paths(self, path: bytes) -> list[bytes]:
        """The files of the image: `path`, and the others of its group; raises BadImageError."""
        if self.files != "groups":
            return [path]
        member = MEMBER.fullmatch(path)
        if member is None or member[2] != b"0":
            raise BadImageError("expected the first file of a group, NAME_c0")
        return [b"%s_c%d%s" % (member[1], k, member[3]) for k in range(self.channels)]

    def stamp(self, path: bytes) -> str:
        """The sizes and the modification times of the image's files; empty where one is missing."""
        try:
            stats = map(os.stat, self.paths(path))
            return " ".join(f"{stat.st_size} {stat.st_mtime_ns}" for stat in stats)
        except OSError:
            return ""

    def _group(self, path: bytes) -> np.ndarray:
        pages = []
        for name in self.paths(path):
            try:
                pages.append(channels.grey(contents(name)))
            except BadImageError as e:
                raise BadImageError(f"{os.path.basename(os.fsdecode(name))}: {e}") from e
        return channels.checked(channels.stacked(pages), self.channels, self.dtype)

    def firsts(self, names: Sequence[bytes], left_out: LeftOut) -> list[int]:
        """Which of `names` (paths below one folder) stand for an image: all, or a group's first.

        Names that are of no group are added to `left_out`.

        Raises:
            DataError: a group lacks a channel, or has more than `channels`.
        """
        if self.files != "groups":
            return list(range(len(names)))
        groups = defaultdict[tuple[bytes, bytes], dict[int, int]](dict)
        for i, name in enumerate(names):
            if member := MEMBER.fullmatch(name):
                groups[member[1], member[3]][int(member[2])] = i
            else:
                left_out.add(UNNAMED, os.fsdecode(name))
        wrong = [
            f"{os.fsdecode(stem + b'_c*' + suffix)} ({_difference(set(members), self.channels)})"
            for (stem, suffix), members in groups.items()
            if members.keys() != set(range(self.channels))
        ]
        if wrong:
            raise DataError(
                f"expected {self.channels} grey files of each image, as data.channels says, but "
                f"{len(wrong)} of {len(groups)} groups differ: {first_few(wrong)}. Complete or "
                f"remove them"
            )
        return sorted(members[0] for members in groups.values())


RGB = FileKind()


def of(data: sections.Data) -> FileKind:
    """The kind of a config's files."""
    return FileKind(data.files, data.channels, data.dtype)


def _difference(found: set[int], channels: int) -> str:
    """Which channels a group lacks, and which it has beyond them."""
    expected = set(range(channels))
    parts = {"lacks": sorted(expected - found), "also has": sorted(found - expected)}
    return "; ".join(f"{what} {', '.join(f'c{k}' for k in ks)}" for what, ks in parts.items() if ks)
