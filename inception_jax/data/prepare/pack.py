"""A folder `split/class/image` packed into a prepared set: fewer, larger files, in mixed order."""

import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.kind import examine
from inception_jax.data.prepare import prepared
from inception_jax.data.prepare.manifest import Image, Manifest, ShardFile
from inception_jax.data.sources.bad_images import check_tolerated
from inception_jax.errors import ConfigError, DataError
from inception_jax.progress import Progress

VERSION = "1.0.0"
# Any record can be read alone, as TFDS writes them; images are compressed already.
OPTIONS = "group_size:1,uncompressed"
RECORD, SHARD = 256, 2**17  # bytes of a shard besides its images: for each, and once; rounded up


def pack(root: Path, out: Path, name: str = "", *, shard_bytes: int = 2**28, train: str = "train",
         splits: Sequence[str] = (), leave_out: bool = False) -> str:  # fmt: skip
    """Writes `out/name/1.0.0` from the folder `root`; what was done, in a few lines.

    Killed at any moment, the same call continues with the shards that are whole.

    Args:
        root: the folder, with one folder a split, and in it one folder a class.
        out: where sets are; not inside `root`.
        name: of the set; the folder's name if empty.
        shard_bytes: the images of a shard have at most about so many.
        train: the split whose folders are the classes of all.
        splits: which to pack; every folder of `root` if empty.
        leave_out: unreadable images are left out; otherwise they are packed as they are.

    Raises:
        ConfigError: a name, a folder or a split that cannot be; another set in the way.
        DataError: more than 1% of the images are unreadable and not left out.
        DiskFullError: there is no room.
    """
    root, out = Path(root).expanduser(), Path(out).expanduser()
    name = name or re.sub(r"\W+", "_", root.resolve().name.lower()).strip("_")
    _allowed(root, out, name)
    manifest = Manifest(root, name, shard_bytes, train, splits)
    flags, final = (VERSION, OPTIONS, leave_out), out / name / VERSION
    content = manifest.digest(*flags)
    if final.exists():
        return _same(final, content)
    with prepared.staging(out, name) as staging:
        if final.exists():  # now, by the process that had the lock
            return _same(final, content)
        state = _State(staging, manifest.digest(*flags, times=True))
        left = [shard for shard in manifest.shards if shard.file not in state.done]
        size = sum(image.size + RECORD for shard in left for image in shard.images)
        prepared.need(out, size + SHARD * len(left), name)
        _write(root, left, state, len(manifest), leave_out)
        _finish(state, name, manifest, content)
        prepared.publish(state.folder, final)
        state.forget()
    return "\n".join(_summary(final, manifest.shards, state.done, leave_out))


def _allowed(root: Path, out: Path, name: str) -> None:
    """Refuses names that TFDS would not find, and an `out` that would become a split."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(
            f"--name={name}: expected a letter, then letters, digits and _, all of them small"
        )
    if out.resolve().is_relative_to(root.resolve()):
        raise ConfigError(f"--out={out} is inside {root}, which it packs; choose another folder")
    import tensorflow_datasets as tfds

    try:
        tfds.builder_cls(name)
    except tfds.core.registered.DatasetNotFoundError:
        return
    raise ConfigError(
        f"--name={name}: tensorflow-datasets has a set of this name, and would look for its own "
        f"version of it; choose another, for example --name=my_{name}"
    )


def _same(final: Path, content: str) -> str:
    try:
        there = json.loads((final / prepared.CHECKSUMS).read_text())["content"]
    except (OSError, ValueError, KeyError):
        there = ""
    if there != content:
        raise ConfigError(
            f"{final} is there and holds something else than this folder, or was packed with "
            f"other flags: choose another --name, or remove {final} and run the command again"
        )
    return f"{final} is there already, with these files (by name and size): nothing to do"


class _State:
    """The shards in `folder` that are whole; noted after each, so that a killed packing goes on."""

    def __init__(self, staging: Path, plan: str):
        self.folder, self._path, self._plan = staging / VERSION, staging / "state.json", plan
        self.folder.mkdir(exist_ok=True)
        self.done: dict[str, dict[str, Any]] = {}
        try:
            saved = json.loads(self._path.read_text())
        except (OSError, ValueError):
            saved = {}
        if saved.get("plan") == plan:
            found = prepared.hashed(self.folder, list(saved["done"]))
            self.done = {n: r for n, r in saved["done"].items() if r["sha256"] == found[n]}
            print(f"continuing: {len(self.done)} shards are whole", file=sys.stderr)
        elif saved:
            print("the folder or the flags have changed: starting again", file=sys.stderr)
        for path in self.folder.iterdir():
            if path.name not in self.done:
                path.unlink()

    def add(self, file: str, record: dict[str, Any]) -> None:
        """Notes that a shard is whole."""
        self.done[file] = record
        prepared.replace(self._path, {"plan": self._plan, "done": self.done})

    def forget(self) -> None:
        """The set is made."""
        self._path.unlink()


def _write(root: Path, shards: list[ShardFile], state: _State, total: int,
           leave_out: bool) -> None:  # fmt: skip
    """Writes what is left, one shard after the other, the images read by all cores."""
    count = total - sum(len(shard.images) for shard in shards)
    bar, bad, began, size = Progress(total, count, label="packing"), {}, time.monotonic(), 0
    for record in state.done.values():
        bad |= record["unreadable"]
    with ThreadPoolExecutor() as pool:
        for shard in shards:
            for image in _shard(root, shard, state, leave_out, pool):
                count, size = count + 1, size + image.size
                speed = size / 1e6 / max(time.monotonic() - began, 1e-9)
                bar.update(count, {"MB/s": f"{speed:.0f}"})
            bad |= state.done[shard.file]["unreadable"]
            if not leave_out:
                _tolerate(bad, total)
    bar.close()


def _tolerate(bad: dict[str, str], total: int) -> None:
    try:
        check_tolerated(bad, total)
    except DataError as e:
        raise DataError(f"{e} Or leave them out: --leave_out_unreadable") from e


def _shard(root: Path, shard: ShardFile, state: _State, leave_out: bool,
           pool: ThreadPoolExecutor) -> Iterator[Image]:  # fmt: skip
    """Writes one shard, of which at most its own size is in memory; its images as they go by."""
    from array_record.python.array_record_module import ArrayRecordWriter

    part, bad, length = state.folder / f"{shard.file}.part", {}, 0
    writer = ArrayRecordWriter(str(part), OPTIONS)
    read = pool.map(lambda image: _read(root / image.path), shard.images)
    for image, (data, reason) in zip(shard.images, read, strict=True):
        if reason:
            bad[image.path] = reason
        if not (reason and leave_out):
            name = os.fsencode(os.path.basename(image.path))
            writer.write(prepared.example({"image": data, "label": image.label, "file_name": name}))
            length += 1
        yield image
    writer.close()
    with part.open("rb") as f:
        os.fsync(f.fileno())
    record = {"sha256": prepared.sha256(part), "length": length, "unreadable": bad}
    part.replace(state.folder / shard.file)
    state.add(shard.file, record)


def _read(path: Path) -> tuple[bytes, str]:
    """A file's bytes, and why they are no image."""
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


def _finish(state: _State, name: str, manifest: Manifest, content: str) -> None:
    """What makes a set of the shards."""
    from tensorflow_datasets import features as f

    lengths: dict[str, list[int]] = {}
    for shard in manifest.shards:
        lengths.setdefault(shard.split, []).append(state.done[shard.file]["length"])
    for split, counts in lengths.items():
        if not sum(counts):
            raise DataError(f"no image of {split} can be read; nothing is left of it")
    features = {
        "image": f.Image(shape=(None, None, 3)),
        "label": f.ClassLabel(names=list(manifest.classes)),
        "file_name": f.Text(),
    }
    prepared.describe(state.folder, name, features, lengths, ("image", "label"))
    digests = {shard.file: state.done[shard.file]["sha256"] for shard in manifest.shards}
    prepared.write_checksums(state.folder, digests, content=content)


def _summary(final: Path, shards: Sequence[ShardFile], done: dict[str, dict[str, Any]],
             leave_out: bool, most: int = 100) -> Iterator[str]:  # fmt: skip
    bad = {k: v for record in done.values() for k, v in record["unreadable"].items()}
    size = sum((final / shard.file).stat().st_size for shard in shards)
    yield f"{final}: {size / 1e6:,.1f} MB"
    for split in dict.fromkeys(shard.split for shard in shards):
        lengths = [done[shard.file]["length"] for shard in shards if shard.split == split]
        yield f"  {split}: {sum(lengths):,} images, shards: {len(lengths)}"
    if bad:
        what = "left out" if leave_out else "packed as they are, and skipped by training"
        yield f"{len(bad)} unreadable images, {what}:"
        yield from (f"  {path}: {reason}" for path, reason in list(bad.items())[:most])
        if len(bad) > most:
            yield f"  and {len(bad) - most} more"
    yield (
        f"read it with --config.data.source=tfds --config.data.name={final.parent.name} "
        f"--config.data.dir={final.parent.parent}"
    )
