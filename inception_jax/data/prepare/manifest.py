"""The assignment of a folder's images to shards; a function of the files only."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from inception_jax.data.prepare import prepared
from inception_jax.data.sources.folder import Folder
from inception_jax.data.sources.listing import subfolders
from inception_jax.errors import ConfigError, shown
from inception_jax.progress import watched

STAT_THREADS = 16  # that read file sizes; on a network disk each call waits
SPLIT = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")


class ImageFile(NamedTuple):
    """A file: its path below the folder, its label, its size and its modification time."""

    path: str
    label: int
    size: int
    time: int


class ShardFile(NamedTuple):
    """One file of the set: its name, its split, and the images in the order of its records."""

    file: str
    split: str
    images: Sequence[ImageFile]


class Manifest:
    """The shards of every split of a folder, and the classes.

    Args:
        root: the folder, with one folder a split, and in it one folder a class.
        name: of the set.
        shard_bytes: approximate size of the images of a shard.
        train: the split whose folders are the classes of all splits.
        splits: to pack; every folder of `root` if empty.

    Raises:
        ConfigError: a split is missing, has no images, or has a class that `train` lacks.
    """

    def __init__(self, root: Path, name: str, shard_bytes: int, train: str, splits: Sequence[str]):
        if not root.is_dir():
            raise ConfigError(f"{root}: expected a folder `split/class/image`, found none")
        folders, _ = subfolders(root)
        for split in (train, *splits):
            if split not in folders:
                raise ConfigError(
                    f"{root}: expected a split {split!r}, found "
                    f"{', '.join(folders) or 'no folders'}; set --train_split= and --splits="
                )
        self.classes: tuple[str, ...] = ()
        self.shards: list[ShardFile] = []
        self.left_out: list[str] = []  # lines about what is in the folder and not in the set
        for split in splits or folders:
            source = _opened(root, split, train)
            self.classes = source.classes
            self.left_out += source.left_out.lines(split)
            if odd := [name for name in source.classes if shown(name) != name]:
                raise ConfigError(
                    f"{root}: the class folder {shown(odd[0])} has a line break, a control "
                    f"character or undecodable bytes in its name, but names are stored one a line "
                    f"as UTF-8; rename it"
                )
            self.shards += _planned(name, split, _mixed(_listed(root, source, split)), shard_bytes)

    def __len__(self) -> int:
        return sum(len(shard.images) for shard in self.shards)

    def digest(self, *flags: object, times: bool = False) -> str:
        """A sha256 of `flags` and all that decides the shards except the bytes of the images.

        With `times` modification times count, which stand for the bytes; a copy has others.
        """
        digest = hashlib.sha256(json.dumps([*flags, *self.classes]).encode())
        for shard in self.shards:
            digest.update(f"\n{shard.file}\n".encode())
            for image in shard.images:
                fields = image if times else image[:-1]
                digest.update(os.fsencode("\0".join(map(str, fields)) + "\n"))
        return digest.hexdigest()


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


def _planned(
    name: str, split: str, images: list[ImageFile], shard_bytes: int
) -> Iterator[ShardFile]:
    """Shards of equal numbers of images."""
    count = min(-(-sum(image.size for image in images) // shard_bytes) or 1, len(images))
    for i, path in enumerate(prepared.shards(Path(), name, split, count)):
        part = images[i * len(images) // count : (i + 1) * len(images) // count]
        yield ShardFile(path.name, split, part)
