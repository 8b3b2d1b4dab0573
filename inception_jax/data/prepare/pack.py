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
from inception_jax.data.sources.bad_images import check_tolerated, reason_lines
from inception_jax.errors import ConfigError, DataError, shown
from inception_jax.progress import Progress
from inception_jax.runtime import user_paths
from inception_jax.workdir import atomic

VERSION = "1.0.0"
# Random access to each record, as TFDS writes them; images are compressed already.
OPTIONS = "group_size:1,uncompressed"
RECORD_BYTES, SHARD_BYTES = 256, 2**17  # overhead of a record and of a shard, rounded up


def pack(root: Path, out: Path, name: str = "", *, shard_bytes: int = 2**28, train: str = "train",
         splits: Sequence[str] = (), leave_out: bool = False) -> str:  # fmt: skip
    """Write `out/name/1.0.0` from the folder `root`; returns a summary for the terminal.

    After a kill at any moment the same call continues from the complete shards. `name` is the
    folder's if empty; `leave_out` leaves unreadable images out rather than packing them as they
    are; the others are arguments of `Manifest`.

    Raises:
        ConfigError: an invalid name, folder or split, or another set of this name in `out`.
        DataError: more than 1% of the images are unreadable and not left out.
        DiskFullError: too little room.
    """
    root, out = user_paths.expanded(root), user_paths.expanded(out)
    name = name or re.sub(r"\W+", "_", root.resolve().name.lower()).strip("_")
    _check_names(root, out, name)
    manifest = Manifest(root, name, shard_bytes, train, splits)
    flags, final = (VERSION, OPTIONS, leave_out), out / name / VERSION
    content = manifest.digest(*flags)
    if final.exists():
        return "\n".join([_check_same(final, content), *manifest.left_out])
    with prepared.staging(out, name) as staging:
        if final.exists():  # written by the process that held the lock
            return "\n".join([_check_same(final, content), *manifest.left_out])
        state = _PackState(staging, manifest.digest(*flags, times=True))
        remaining = [shard for shard in manifest.shards if shard.file not in state.done]
        size = sum(image.size + RECORD_BYTES for shard in remaining for image in shard.images)
        prepared.check_room(out, size + SHARD_BYTES * len(remaining), name)
        bad = _write(root, remaining, state, len(manifest), leave_out)
        lengths = _finish(state, name, manifest, content)
        prepared.publish(state.folder, final)
        state.path.unlink()
    return "\n".join([*_summary(final, lengths, bad, leave_out), *manifest.left_out])


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
        self.folder, self.path, self._plan = staging / VERSION, staging / "state.json", plan
        self.folder.mkdir(exist_ok=True)
        self.done: dict[str, ShardRecord] = {}
        try:
            saved = json.loads(self.path.read_text())
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
        atomic.write_text(self.path, json.dumps(content, indent=1))


def _write(root: Path, shards: list[ShardFile], state: _PackState, total: int,
           leave_out: bool) -> dict[str, str]:  # fmt: skip
    """Write `shards` one by one, read by all cores; the unreadable images of all shards."""
    count = total - sum(len(shard.images) for shard in shards)
    bar, began, size = Progress(total, label="packing"), time.monotonic(), 0
    bad = {k: v for record in state.done.values() for k, v in record["unreadable"].items()}
    with ThreadPoolExecutor() as pool:
        for shard in shards:
            for image in _write_shard(root, shard, state, leave_out, pool):
                count, size = count + 1, size + image.size
                speed = size / 1e6 / max(time.monotonic() - began, 1e-9)
                bar.update(count, {"MB/s": f"{speed:.0f}"})
            bad |= state.done[shard.file]["unreadable"]
            if not leave_out:
                check_tolerated(bad, total, " Or leave them out: --leave_out_unreadable")
    bar.close()
    return bad


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
                name = os.fsencode(os.path.basename(image.path))
                row = {"image": data, "label": image.label, "file_name": name}
                writer.write(prepared.example(row))
                length += 1
            yield image
        writer.close()
        digest = prepared.sha256(partial)
    state.add(shard.file, {"sha256": digest, "length": length, "unreadable": bad})


def _read(path: Path) -> tuple[bytes, str]:
    """A file's bytes, and why they are not an image; empty if they are."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as e:
        raise DataError(f"{shown(path)} was listed at the start and has been removed") from e
    except OSError as e:
        return b"", str(e)
    try:
        examine(data)
    except BadImageError as e:
        return data, str(e)
    return data, ""


def _finish(state: _PackState, name: str, manifest: Manifest, content: str) -> dict[str, list[int]]:
    """Write TFDS's metadata and the checksums beside the shards; the shards' lengths by split."""
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
    return lengths


def _summary(
    final: Path, lengths: dict[str, list[int]], bad: dict[str, str], leave_out: bool
) -> Iterator[str]:
    size = sum(path.stat().st_size for path in final.glob("*.array_record*"))
    yield f"{final}: {size / 1e6:,.1f} MB"
    for split, counts in lengths.items():
        yield f"  {split}: {sum(counts):,} images, shards: {len(counts)}"
    if bad:
        what = "left out" if leave_out else "packed as they are, and skipped by training"
        yield f"{len(bad)} unreadable images, {what}:"
        yield from reason_lines(bad)
    yield prepared.how_to_read(final)
