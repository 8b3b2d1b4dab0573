"""Packs a folder `split/class/image` into a prepared set: few large files, in mixed order."""

import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.kind import examine
from inception_jax.data.prepare import prepared
from inception_jax.data.prepare.manifest import ImageFile, Manifest, ShardFile
from inception_jax.data.sources.bad_images import check_tolerated
from inception_jax.errors import ConfigError, DataError
from inception_jax.progress import Progress
from inception_jax.workdir import atomic

VERSION = "1.0.0"
# Random access to each record, as TFDS writes them; images are compressed already.
OPTIONS = "group_size:1,uncompressed"
RECORD_BYTES, SHARD_BYTES = 256, 2**17  # overhead of a record and of a shard, rounded up


def pack(root: Path, out: Path, name: str = "", *, shard_bytes: int = 2**28, train: str = "train",
         splits: Sequence[str] = (), leave_out: bool = False) -> str:  # fmt: skip
    """Write `out/name/1.0.0` from the folder `root`.

    After a kill at any moment the same call continues from the complete shards.

    Args:
        root: the folder, with one folder a split, and in it one folder a class.
        out: the folder of sets; not inside `root`.
        name: of the set; the folder's name if empty.
        shard_bytes: approximate size of the images of a shard.
        train: the split whose folders are the classes of all splits.
        splits: to pack; every folder of `root` if empty.
        leave_out: whether unreadable images are left out rather than packed as they are.

    Returns:
        A summary for the terminal.

    Raises:
        ConfigError: an invalid name, folder or split, or another set of this name in `out`.
        DataError: more than 1% of the images are unreadable and not left out.
        DiskFullError: too little room.
    """
    root, out = Path(root).expanduser(), Path(out).expanduser()
    name = name or re.sub(r"\W+", "_", root.resolve().name.lower()).strip("_")
    _check_names(root, out, name)
    manifest = Manifest(root, name, shard_bytes, train, splits)
    flags, final = (VERSION, OPTIONS, leave_out), out / name / VERSION
    content = manifest.digest(*flags)
    if final.exists():
        return _check_same(final, content)
    with prepared.staging(out, name) as staging:
        if final.exists():  # written by the process that held the lock
            return _check_same(final, content)
        state = _PackState(staging, manifest.digest(*flags, times=True))
        remaining = [shard for shard in manifest.shards if shard.file not in state.done]
        size = sum(image.size + RECORD_BYTES for shard in remaining for image in shard.images)
        prepared.check_room(out, size + SHARD_BYTES * len(remaining), name)
        _write(root, remaining, state, len(manifest), leave_out)
        _finish(state, name, manifest, content)
        prepared.publish(state.folder, final)
        state.remove()
    return "\n".join(_summary(final, manifest.shards, state.done, leave_out))


def _check_names(root: Path, out: Path, name: str) -> None:
    """Refuse names that TFDS could not load, and an `out` inside `root`."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(
            f"--name={name}: expected a lower-case letter, then lower-case letters, digits or _"
        )
    if out.resolve().is_relative_to(root.resolve()):
        raise ConfigError(f"--out={out} is inside {root}, the folder to pack; choose another")
    import tensorflow_datasets as tfds

    try:
        tfds.builder_cls(name)
    except tfds.core.registered.DatasetNotFoundError:
        return
    raise ConfigError(
        f"--name={name}: tensorflow-datasets has a set of this name and would look for its own "
        f"version; choose another name, for example --name=my_{name}"
    )


def _check_same(final: Path, content: str) -> str:
    try:
        packed = json.loads((final / prepared.CHECKSUMS).read_text())["content"]
    except (OSError, ValueError, KeyError):
        packed = ""
    if packed != content:
        raise ConfigError(
            f"{final} exists and holds other files than this folder, or was packed with other "
            f"flags: choose another --name, or remove {final} and run the command again"
        )
    return f"{final} exists, with these files (by name and size): nothing to do"


class ShardRecord(TypedDict):
    """A complete shard: its digest, its number of images, and why images are unreadable."""

    sha256: str
    length: int
    unreadable: dict[str, str]


class _PackState:
    """The complete shards in `folder`, saved after each, so that a killed packing continues."""

    def __init__(self, staging: Path, plan: str):
        self.folder, self._path, self._plan = staging / VERSION, staging / "state.json", plan
        self.folder.mkdir(exist_ok=True)
        self.done: dict[str, ShardRecord] = {}
        try:
            saved = json.loads(self._path.read_text())
        except (OSError, ValueError):
            saved = {}
        if saved.get("plan") == plan:
            digests = prepared.hashed(self.folder, list(saved["done"]))
            self.done = {n: r for n, r in saved["done"].items() if r["sha256"] == digests[n]}
            print(f"continuing: {len(self.done)} shards are complete", file=sys.stderr)
        elif saved:
            print("the folder or the flags have changed: starting over", file=sys.stderr)
        incomplete = [path for path in self.folder.iterdir() if path.name not in self.done]
        for path in (*incomplete, *staging.glob(".state.json.*")):  # of a killed process
            path.unlink()

    def add(self, file: str, record: ShardRecord) -> None:
        """Save that a shard is complete."""
        self.done[file] = record
        content = {"plan": self._plan, "done": self.done}
        atomic.write_text(self._path, json.dumps(content, indent=1))

    def remove(self) -> None:
        """Delete the file: the set is complete."""
        self._path.unlink()


def _write(root: Path, shards: list[ShardFile], state: _PackState, total: int,
           leave_out: bool) -> None:  # fmt: skip
    """Write `shards` one by one; all cores read the images."""
    count = total - sum(len(shard.images) for shard in shards)
    bar, bad, began, size = Progress(total, label="packing"), {}, time.monotonic(), 0
    for record in state.done.values():
        bad |= record["unreadable"]
    with ThreadPoolExecutor() as pool:
        for shard in shards:
            for image in _write_shard(root, shard, state, leave_out, pool):
                count, size = count + 1, size + image.size
                speed = size / 1e6 / max(time.monotonic() - began, 1e-9)
                bar.update(count, {"MB/s": f"{speed:.0f}"})
            bad |= state.done[shard.file]["unreadable"]
            if not leave_out:
                _check_tolerated(bad, total)
    bar.close()


def _check_tolerated(bad: dict[str, str], total: int) -> None:
    try:
        check_tolerated(bad, total)
    except DataError as e:
        raise DataError(f"{e} Or leave them out: --leave_out_unreadable") from e


def _write_shard(root: Path, shard: ShardFile, state: _PackState, leave_out: bool,
                 pool: ThreadPoolExecutor) -> Iterator[ImageFile]:  # fmt: skip
    """Write one shard and yield its images; at most one shard is in memory."""
    from array_record.python.array_record_module import ArrayRecordWriter

    bad, length = {}, 0
    with atomic.replacing(state.folder / shard.file) as partial:
        writer = ArrayRecordWriter(str(partial), OPTIONS)
        read = pool.map(lambda image: _read(root / image.path), shard.images)
        for image, (data, reason) in zip(shard.images, read, strict=True):
            if reason:
                bad[image.path] = reason
            if not (reason and leave_out):
                row = {"image": data, "label": image.label, "file_name": _file_name(image)}
                writer.write(prepared.example(row))
                length += 1
            yield image
        writer.close()
        digest = prepared.sha256(partial)
    state.add(shard.file, {"sha256": digest, "length": length, "unreadable": bad})


def _file_name(image: ImageFile) -> bytes:
    return os.fsencode(os.path.basename(image.path))


def _read(path: Path) -> tuple[bytes, str]:
    """A file's bytes, and why they are not an image; empty if they are."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as e:
        raise DataError(f"{path} was listed at the start and has been removed") from e
    except OSError as e:
        return b"", str(e)
    try:
        examine(data)
    except BadImageError as e:
        return data, str(e)
    return data, ""


def _finish(state: _PackState, name: str, manifest: Manifest, content: str) -> None:
    """Write TFDS's metadata and the checksums beside the shards."""
    from tensorflow_datasets import features as f

    lengths: dict[str, list[int]] = {}
    for shard in manifest.shards:
        lengths.setdefault(shard.split, []).append(state.done[shard.file]["length"])
    for split, counts in lengths.items():
        if not sum(counts):
            raise DataError(f"{split}: none of its images can be read")
    features = {
        "image": f.Image(shape=(None, None, 3)),
        "label": f.ClassLabel(names=list(manifest.classes)),
        "file_name": f.Text(),
    }
    prepared.describe(state.folder, name, features, lengths, ("image", "label"))
    digests = {shard.file: state.done[shard.file]["sha256"] for shard in manifest.shards}
    prepared.write_checksums(state.folder, digests, content=content)


def _summary(final: Path, shards: Sequence[ShardFile], done: dict[str, ShardRecord],
             leave_out: bool, max_named: int = 100) -> Iterator[str]:  # fmt: skip
    bad = {k: v for record in done.values() for k, v in record["unreadable"].items()}
    size = sum((final / shard.file).stat().st_size for shard in shards)
    yield f"{final}: {size / 1e6:,.1f} MB"
    for split in dict.fromkeys(shard.split for shard in shards):
        lengths = [done[shard.file]["length"] for shard in shards if shard.split == split]
        yield f"  {split}: {sum(lengths):,} images, shards: {len(lengths)}"
    if bad:
        what = "left out" if leave_out else "packed as they are, and skipped by training"
        yield f"{len(bad)} unreadable images, {what}:"
        yield from (f"  {path}: {reason}" for path, reason in list(bad.items())[:max_named])
        if len(bad) > max_named:
            yield f"  and {len(bad) - max_named} more"
    yield (
        f"read it with --config.data.source=tfds --config.data.name={final.parent.name} "
        f"--config.data.dir={final.parent.parent}"
    )
