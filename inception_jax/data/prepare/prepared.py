"""A prepared set on disk: TFDS's folder of ArrayRecord shards, and a sha256 of each.

    OUT/NAME/VERSION/NAME-SPLIT.array_record-00000-of-00016
                     features.json, dataset_info.json, ... as tensorflow-datasets writes them
                     checksums.json

A set of decoded images has `raw` shards (`raw_shard.py`) and, instead of TFDS's files, its classes
and the lengths of its shards in checksums.json.

It is written in OUT/.preparing/NAME and renamed when complete; no TensorFlow is needed.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from inception_jax.errors import ConfigError, DataError, DiskFullError, from_os_error
from inception_jax.progress import watched
from inception_jax.workdir import atomic, disk_space

VERSION = "1.0.0"  # of the sets that we write
CHECKSUMS = "checksums.json"
FORMAT = "array_record"
STAGING = ".preparing"


def shards(folder: Path, name: str, split: str, count: int, suffix: str = FORMAT) -> list[Path]:
    """The paths of a split's shards."""
    return [folder / f"{name}-{split}.{suffix}-{i:05d}-of-{count:05d}" for i in range(count)]


def example(values: Mapping[str, bytes | int]) -> bytes:
    """One record; the same values give the same bytes."""
    from tensorflow_datasets.proto import tf_example_pb2

    message = tf_example_pb2.Example()
    for key, value in values.items():
        feature = message.features.feature[key]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        else:
            feature.int64_list.value.append(value)
    return message.SerializeToString(deterministic=True)


def describe(
    folder: Path, name: str, features: Mapping[str, Any], splits: Mapping[str, Sequence[int]],
    supervised: tuple[str, str] | None,
) -> None:  # fmt: skip
    """Write TFDS's metadata: features, class names, and the images in each shard."""
    import tensorflow_datasets as tfds
    from etils import epath

    infos = []
    for split, lengths in splits.items():
        files = shards(folder, name, split, len(lengths))
        template = tfds.core.ShardedFileTemplate(
            data_dir=epath.Path(folder), dataset_name=name, split=split, filetype_suffix=FORMAT
        )
        size = sum(path.stat().st_size for path in files)
        infos.append(
            tfds.core.SplitInfo(
                name=split, shard_lengths=list(lengths), num_bytes=size, filename_template=template
            )
        )
    identity = tfds.core.dataset_info.DatasetIdentity(
        name=name, version=tfds.core.Version(folder.name), data_dir=str(folder), module_name=name
    )
    info = tfds.core.DatasetInfo(
        builder=identity, features=tfds.features.FeaturesDict(dict(features)),
        supervised_keys=supervised,
    )  # fmt: skip
    info.set_file_format(FORMAT)
    info.set_splits(tfds.core.SplitDict(infos))
    info.write_to_directory(str(folder))


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def hashed(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """The sha256 of files in `folder` by name, "" for a missing one; on all cores."""

    def one(name: str) -> str:
        return sha256(folder / name) if (folder / name).is_file() else ""

    with ThreadPoolExecutor() as pool:
        digests = watched(pool.map(one, names), len(names), "sha256 of shards")
        return dict(zip(names, digests, strict=True))


def write_checksums(folder: Path, digests: Mapping[str, str], **more: Any) -> None:
    """Write the sha256 of the shards, and `more`, to checksums.json."""
    content = {**more, "shards": dict(digests)}
    atomic.write_text(folder / CHECKSUMS, json.dumps(content, indent=1))


def manifest(folder: Path) -> dict[str, Any]:
    """The content of checksums.json, {} for a set without; raises DataError if it is damaged."""
    path = folder / CHECKSUMS
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as e:
        raise DataError(f"{path} is damaged ({e}); prepare the set again") from e


def verify(folder: Path) -> int | None:
    """Compare every shard with its checksum; their number, None for a set without checksums.

    Raises:
        DataError: a shard is missing or damaged; the message names each.
    """
    content = manifest(folder)
    if not content:
        return None
    expected = content.get("shards") if isinstance(content, dict) else None
    if not isinstance(expected, dict):
        raise DataError(f"{folder / CHECKSUMS} is damaged (no shards); prepare the set again")
    damaged = []
    for name, digest in hashed(folder, list(expected)).items():
        if digest != expected[name]:
            reason = f"expected sha256 {expected[name]}, found {digest}" if digest else "missing"
            damaged.append(f"  {name}: {reason}")
    if damaged:
        raise DataError(
            f"{len(damaged)} of {len(expected)} shards in {folder} are damaged or missing:\n"
            + "\n".join(damaged)
            + "\nRestore them from a good copy, or remove the folder and prepare the set again."
        )
    return len(expected)


@contextlib.contextmanager
def staging(out: Path, name: str) -> Iterator[Path]:
    """`out/.preparing/name`, locked for this process; it has the files of a killed one.

    It is removed at the end if it is empty.

    Raises:
        ConfigError: another process prepares this set, or `out` cannot be written.
        DiskFullError: the body ran out of room.
    """
    folder = out / STAGING / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as e:
        raise ConfigError(f"{out}: expected a folder that can be created and written: {e}") from e
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise ConfigError(
                f"another process prepares {name} in {out}; wait for it or end it"
            ) from e
        yield folder
    except Exception as e:
        if not isinstance(from_os_error(e, name), DiskFullError):
            raise
        raise DiskFullError(
            f"no room left in {out}: {name} is not visible there. Make room and run the same "
            f"command again; complete shards are kept in {folder}"
        ) from e
    finally:
        for path in (*folder.iterdir(), folder, folder.parent):
            with contextlib.suppress(OSError):  # files and folders with files stay
                path.rmdir()
        os.close(handle)


def check_room(out: Path, size: int, name: str) -> None:
    """Print the room that the set needs and the room that is free.

    The files of an interrupted build by TFDS count as free: they are removed first.

    Raises:
        DiskFullError: fewer than `size` bytes are free where `out` is.
    """
    leftover = sum(path.stat().st_size for path in (out / STAGING / name).glob("incomplete.*/*"))
    free = disk_space.free_bytes(out) + leftover
    if free < size:
        raise DiskFullError(
            f"{name} needs {size:,} bytes in {out}, {free:,} are free: make room for "
            f"{size - free:,} more, or choose another folder"
        )
    print(f"{name} needs {size:,} bytes in {out}; {free:,} are free", file=sys.stderr)


def publish(staged: Path, final: Path) -> None:
    """Rename a complete set to its place."""
    final.parent.mkdir(parents=True, exist_ok=True)
    staged.rename(final)
    atomic.sync_folder(final.parent)


def how_to_read(final: Path, source: str = "tfds") -> str:
    """The flags that train on a set."""
    return (
        f"read it with --config.data.source={source} --config.data.name={final.parent.name} "
        f"--config.data.dir={final.parent.parent}"
    )
