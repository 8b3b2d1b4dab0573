"""A prepared set on the disk: TFDS's own folder of ArrayRecord shards, with a sha256 of each.

    OUT/NAME/VERSION/NAME-SPLIT.array_record-00000-of-00016
                     features.json, dataset_info.json, ... as tensorflow-datasets writes them
                     checksums.json

It is made in OUT/.preparing/NAME and renamed when it is whole; no TensorFlow is needed.
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
from inception_jax.workdir import disk_space

CHECKSUMS = "checksums.json"
STAGING = ".preparing"


def shards(folder: Path, name: str, split: str, count: int,
           file_format: str = "array_record") -> list[Path]:  # fmt: skip
    """The paths of a split's shards."""
    return [folder / f"{name}-{split}.{file_format}-{i:05d}-of-{count:05d}" for i in range(count)]


def example(values: Mapping[str, bytes | int | Sequence[float]]) -> bytes:
    """One record; the same values give the same bytes."""
    from tensorflow_datasets.proto import tf_example_pb2

    message = tf_example_pb2.Example()
    for key, value in values.items():
        feature = message.features.feature[key]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        elif isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.extend(value)
    return message.SerializeToString(deterministic=True)


def describe(folder: Path, name: str, features: Mapping[str, Any],
             splits: Mapping[str, Sequence[int]], supervised: tuple[str, str] | None,
             file_format: str = "array_record") -> None:  # fmt: skip
    """Writes what TFDS wants to know: features, class names, and the images in each shard."""
    import tensorflow_datasets as tfds
    from etils import epath

    infos = []
    for split, lengths in splits.items():
        files = shards(folder, name, split, len(lengths), file_format)
        template = tfds.core.ShardedFileTemplate(
            data_dir=epath.Path(folder), dataset_name=name, split=split, filetype_suffix=file_format
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
    info.set_file_format(file_format)
    info.set_splits(tfds.core.SplitDict(infos))
    info.write_to_directory(str(folder))


def sha256(path: Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def hashed(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """The sha256 of files in `folder` by name, "" where there is none; all cores, with progress."""

    def one(name: str) -> str:
        return sha256(folder / name) if (folder / name).is_file() else ""

    with ThreadPoolExecutor() as pool:
        digests = watched(pool.map(one, names), len(names), "sha256 of shards")
        return dict(zip(names, digests, strict=True))


def write_checksums(folder: Path, digests: Mapping[str, str], **more: str) -> None:
    """Keeps the sha256 of the shards beside them."""
    replace(folder / CHECKSUMS, {**more, "shards": dict(digests)})


def replace(path: Path, value: Any) -> None:
    """A JSON file, old or new whatever happens."""
    part = path.with_suffix(".part")
    with part.open("w") as f:
        json.dump(value, f, indent=1)
        f.flush()
        os.fsync(f.fileno())
    part.replace(path)


def verify(folder: Path) -> int | None:
    """Compares every shard with its checksum; how many there are, or None without checksums.

    Raises:
        DataError: a shard is missing or damaged; the message names each.
    """
    path = folder / CHECKSUMS
    if not path.exists():
        return None
    try:
        expected: dict[str, str] = json.loads(path.read_text())["shards"]
    except (ValueError, KeyError, TypeError) as e:
        raise DataError(f"{path} is damaged ({e}); prepare the set again") from e
    wrong = []
    for name, digest in hashed(folder, list(expected)).items():
        if digest != expected[name]:
            found = f"expected sha256 {expected[name]}, found {digest}" if digest else "gone"
            wrong.append(f"  {name}: {found}")
    if wrong:
        raise DataError(
            f"{len(wrong)} of {len(expected)} shards in {folder} are not what was written:\n"
            + "\n".join(wrong)
            + "\nCopy them from where they are whole, or remove the folder and prepare it again."
        )
    return len(expected)


@contextlib.contextmanager
def staging(out: Path, name: str) -> Iterator[Path]:
    """`out/.preparing/name`, for this process alone; what a killed one left is still in it.

    It is removed at the end when it is empty.

    Raises:
        ConfigError: another process prepares this set, or `out` cannot be written.
        DiskFullError: there is no room left for what the body writes.
    """
    folder = out / STAGING / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as e:
        raise ConfigError(f"{out}: expected a folder that can be created and written: {e}") from e
    try:
        _lock(handle, f"another process prepares {name} in {out}; wait for it or end it")
        yield folder
    except Exception as e:
        if not isinstance(from_os_error(e, name), DiskFullError):
            raise
        raise DiskFullError(
            f"no room left in {out}: nothing of {name} is visible there. Make room and run the "
            f"same command again; what is written so far is kept in {folder} where it can be"
        ) from e
    finally:
        for path in (*folder.iterdir(), folder, folder.parent):
            with contextlib.suppress(OSError):  # what is not empty stays
                path.rmdir()
        os.close(handle)


def need(out: Path, size: int, name: str) -> None:
    """Says what room there is, and refuses to start what cannot end.

    What an interrupted run of TFDS left is counted as room: it is removed first.

    Raises:
        DiskFullError: fewer than `size` bytes are free where `out` is.
    """
    left = sum(part.stat().st_size for part in (out / STAGING / name).glob("incomplete.*/*"))
    free = disk_space.free_bytes(out) + left
    if free < size:
        raise DiskFullError(
            f"{name} needs {size:,} bytes in {out}, {free:,} are free: make room for "
            f"{size - free:,} more, or choose another folder"
        )
    print(f"{name} needs {size:,} bytes in {out}; {free:,} are free there", file=sys.stderr)


def publish(staged: Path, final: Path) -> None:
    """Gives a whole set its name, at once."""
    final.parent.mkdir(parents=True, exist_ok=True)
    staged.rename(final)


def _lock(handle: int, taken: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        raise ConfigError(taken) from e
