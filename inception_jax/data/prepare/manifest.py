"""The assignment of images to shards; a function of the files only."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from inception_jax.data.prepare import prepared
from inception_jax.data.sources.folder import Folder
from inception_jax.data.sources.listing import subfolders
from inception_jax.errors import ConfigError, DataError, shown
from inception_jax.progress import watched

STAT_THREADS = 16  # that read file sizes; on a network disk each call waits
SPLIT = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")


class ImageFile(NamedTuple):
    """An image: its path below the folder, its label, its size and its modification time.

    Of another prepared set: `split/index`, -1 (known when it is read), the mean size, and 0.
    """

    path: str
    label: int
    size: int
    time: int


class ShardFile(NamedTuple):
    """One file of the set: its name, its split, and the images in the order of its records."""

    file: str
    split: str
    images: Sequence[ImageFile]


class Original(NamedTuple):
    """An image as it is read: the bytes of its file, its label, and the file's name."""

    data: bytes
    label: int
    file_name: bytes


@dataclass
class Manifest:
    """The shards of every split of a set to prepare, and where its images come from.

    Attributes:
        classes: their names, by label.
        shards: of all splits.
        read: reads an image; called by several threads. Raises OSError if its file cannot be read.
        left_out: lines about what is in the folder and not in the set.
        origin: the shards of the set that the images are from; none of a folder.
    """

    classes: tuple[str, ...]
    shards: list[ShardFile]
    read: Callable[[ImageFile], Original]
    left_out: list[str] = field(default_factory=list)
    origin: Sequence[ImageFile] = ()

    def __len__(self) -> int:
        return sum(len(shard.images) for shard in self.shards)

    def digest(self, *flags: object, times: bool = False) -> str:
        """A sha256 of `flags` and all that decides the shards except the bytes of the images.

        With `times` modification times count, which stand for the bytes; a copy has others.
        """
        digest = hashlib.sha256(json.dumps([*flags, *self.classes]).encode())
        for shard in (*self.shards, *([ShardFile("", "", self.origin)] if self.origin else [])):
            digest.update(f"\n{shard.file}\n".encode())
            for image in shard.images:
                fields = image if times else image[:-1]
                digest.update(os.fsencode("\0".join(map(str, fields)) + "\n"))
        return digest.hexdigest()


def of_folder(root: Path, name: str, shard_bytes: int, train: str, splits: Sequence[str],
              suffix: str = prepared.FORMAT) -> Manifest:  # fmt: skip
    """The manifest of a folder: every image of it, in an order that mixes the classes.

    Args:
        root: the folder, with one folder a split, and in it one folder a class.
        name: of the set.
        shard_bytes: approximate size of the files in a shard.
        train: the split whose folders are the classes of all splits.
        splits: to pack; every folder of `root` if empty.
        suffix: of the shards' names, see `Contract.format`.

    Raises:
        ConfigError: a split is missing, has no images, or has a class that `train` lacks.
    """
    if not root.is_dir():
        raise ConfigError(f"{root}: expected a folder `split/class/image`, found none")
    folders, _ = subfolders(root)
    for split in (train, *splits):
        if split not in folders:
            raise ConfigError(
                f"{root}: expected a split {split!r}, found "
                f"{', '.join(folders) or 'no folders'}; set --train_split= and --splits="
            )
    result = Manifest((), [], partial(_read, root))
    for split in splits or folders:
        source = _opened(root, split, train)
        result.classes = source.classes
        result.left_out += source.left_out.lines(split)
        if odd := [name for name in source.classes if shown(name) != name]:
            raise ConfigError(
                f"{root}: the class folder {shown(odd[0])} has a line break, a control "
                f"character or undecodable bytes in its name, but names are stored one a line "
                f"as UTF-8; rename it"
            )
        images = _mixed(_listed(root, source, split))
        result.shards += planned(name, split, images, shard_bytes, suffix)
    return result


def _read(root: Path, image: ImageFile) -> Original:
    try:
        data = (root / image.path).read_bytes()
    except FileNotFoundError as e:
        path = shown(root / image.path)
        raise DataError(f"{path} was listed at the start and has been removed") from e
    return Original(data, image.label, os.fsencode(os.path.basename(image.path)))


def _opened(root: Path, split: str, train: str) -> Folder:
    if not SPLIT.fullmatch(split):
        raise ConfigError(f"{root / split}: a split's name has letters, digits and _ only")
    try:
        return Folder(root, split, train)
    except ConfigError as e:
        reason = str(e).removeprefix("--config.data.dir=")
        raise ConfigError(f"{reason}. To pack only some splits: --splits={train},...") from e


def _listed(root: Path, source: Folder, split: str) -> list[ImageFile]:
    def one(index: int) -> ImageFile:
        stat = os.stat(root / source.name(index))
        return ImageFile(source.name(index), source.label(index), stat.st_size, stat.st_mtime_ns)

    with ThreadPoolExecutor(STAT_THREADS) as pool:
        return list(watched(pool.map(one, range(len(source))), len(source), f"listing {split}"))


def _mixed(images: list[ImageFile]) -> list[ImageFile]:
    """In an order that depends on the paths only and mixes the classes."""
    return sorted(images, key=lambda image: hashlib.sha256(os.fsencode(image.path)).digest())


def planned(
    name: str, split: str, images: Sequence[ImageFile], shard_bytes: int, suffix: str
) -> Iterator[ShardFile]:
    """Shards of equal numbers of images."""
    count = min(-(-sum(image.size for image in images) // shard_bytes) or 1, len(images))
    for i, path in enumerate(prepared.shards(Path(), name, split, count, suffix)):
        part = images[i * len(images) // count : (i + 1) * len(images) // count]
        yield ShardFile(path.name, split, part)
