"""Writes images into a prepared set: few large files, in mixed order."""

import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2

from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Stored
from inception_jax.data.prepare import prepared
from inception_jax.data.prepare.contract import Contract, stored_bytes
from inception_jax.data.prepare.from_tfds import of_tfds
from inception_jax.data.prepare.manifest import ImageFile, Manifest, Original, ShardFile, of_folder
from inception_jax.data.prepare.pack_state import PackState
from inception_jax.data.prepare.prepared import VERSION
from inception_jax.data.prepare.raw_shard import RawWriter
from inception_jax.data.sources.bad_images import check_tolerated, reason_lines
from inception_jax.errors import ConfigError, DataError
from inception_jax.progress import Progress
from inception_jax.runtime import user_paths
from inception_jax.workdir import atomic

T = TypeVar("T")
U = TypeVar("U")
KEEP = Contract()
# Random access to each record, as TFDS writes them; images are compressed already.
OPTIONS = "group_size:1,uncompressed"
RECORD_BYTES, SHARD_BYTES = 256, 2**17  # overhead of a record and of a shard, rounded up
AHEAD = 128  # images converted ahead of the one that is written
SAMPLE, MARGIN = 100, 1.1  # images that are converted to estimate the room; how far they may be off


def pack(root: Path, out: Path, name: str = "", *, shard_bytes: int = 2**28, train: str = "train",
         splits: Sequence[str] = (), leave_out: bool = False,
         contract: Contract = KEEP) -> str:  # fmt: skip
    """Write `out/name/1.0.0` from the folder `root`; returns a summary for the terminal.

    After a kill at any moment the same call continues from the complete shards. `name` is the
    folder's if empty; `leave_out` leaves unreadable images out rather than packing them as they
    are; `contract` is what is stored of each; the others are arguments of `of_folder`.

    Raises:
        ConfigError: an invalid name, folder or split, or another set of this name in `out`.
        DataError: more than 1% of the images are unreadable and not left out.
        DiskFullError: too little room.
    """
    root, out = user_paths.expanded(root), user_paths.expanded(out)
    name = name or re.sub(r"\W+", "_", root.resolve().name.lower()).strip("_")
    if out.resolve().is_relative_to(root.resolve()):
        raise ConfigError(f"--out={out} is inside {root}, the folder to pack; choose another")
    _check_name(name)
    manifest = of_folder(root, name, shard_bytes, train, splits, contract.format)
    return _prepare(manifest, out, name, leave_out, contract)


def pack_tfds(origin: str, data_dir: str, out: Path, name: str, *, contract: Contract,
              shard_bytes: int = 2**28, train: str = "train", splits: Sequence[str] = (),
              leave_out: bool = False) -> str:  # fmt: skip
    """Write `out/name/1.0.0` from the prepared set `origin` in `data_dir`; otherwise as `pack`."""
    _check_name(name)
    manifest = of_tfds(origin, data_dir, name, shard_bytes, train, splits, contract.format)
    return _prepare(manifest, user_paths.expanded(out), name, leave_out, contract)


def _prepare(manifest: Manifest, out: Path, name: str, leave_out: bool, contract: Contract) -> str:
    """Write the set unless it exists; a summary."""
    stored = [] if contract.keeps_files else [contract.side, contract.quality, contract.raw]
    flags, final = (VERSION, OPTIONS, leave_out, *stored), out / name / VERSION
    content = manifest.digest(*flags)
    if final.exists():
        return "\n".join([_check_same(final, content), *manifest.left_out])
    with prepared.staging(out, name) as staging:
        if final.exists():  # written by the process that held the lock
            return "\n".join([_check_same(final, content), *manifest.left_out])
        state = PackState(staging, manifest.digest(*flags, times=True), contract)
        packer = _Packer(manifest, contract, leave_out or contract.raw)
        remaining = [shard for shard in manifest.shards if shard.file not in state.done]
        prepared.check_room(out, packer.room(remaining), name)
        bad = _write(packer, remaining, state, leave_out)
        lengths = _finish(state, name, manifest, content, contract)
        prepared.publish(state.folder, final)
        state.path.unlink()
    return "\n".join([*_summary(final, lengths, bad, packer), *manifest.left_out])


def _check_name(name: str) -> None:
    """Refuse names that TFDS could not load."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(
            f"--name={name}: expected a lower-case letter, then lower-case letters, digits or _"
        )
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


class _Image(NamedTuple):
    """An image as it was read, what is stored of it, and why it is unreadable, if it is."""

    original: Original
    stored: Stored
    reason: str


class _Packer:
    """Converts and writes images; `drops` leaves the unreadable ones out."""

    def __init__(self, manifest: Manifest, contract: Contract, drops: bool):
        self.manifest, self.contract, self.drops = manifest, contract, drops

    def convert(self, image: ImageFile) -> _Image:
        """Read an image; an unreadable one is stored as it is."""
        try:
            original = self.manifest.read(image)
        except OSError as e:
            return _Image(Original(b"", image.label, b""), b"", str(e))
        try:
            return _Image(original, self.contract.convert(original.data), "")
        except BadImageError as e:
            return _Image(original, original.data, str(e))

    def room(self, shards: Sequence[ShardFile]) -> int:
        """Bytes that `shards` will take; where they are not the files', estimated by a sample."""
        images = [image for shard in shards for image in shard.images]
        size = sum(image.size for image in images)
        if images and not self.contract.keeps_files:
            sample = [self.convert(image) for image in images[:: -(-len(images) // SAMPLE)]]
            stored = sum(stored_bytes(image.stored) for image in sample)
            size = int(MARGIN * stored / len(sample) * len(images))
        shard = RECORD_BYTES if self.contract.raw else SHARD_BYTES
        return size + RECORD_BYTES * len(images) + shard * len(shards)

    def write_shard(
        self, shard: ShardFile, state: PackState, pool: ThreadPoolExecutor
    ) -> Iterator[ImageFile]:
        """Write one shard and yield its images; a few images are in memory."""
        bad, length = {}, 0
        with atomic.replacing(state.folder / shard.file) as partial:
            with (RawWriter if self.contract.raw else _RecordWriter)(partial) as writer:
                for image, found in _ahead(pool, self.convert, shard.images):
                    if found.reason:
                        bad[image.path] = found.reason
                    if not (found.reason and self.drops):
                        _, label, name = found.original
                        writer.write(found.stored, label, name)
                        length += 1
                    yield image
            digest = prepared.sha256(partial)
        state.add(shard.file, {"sha256": digest, "length": length, "unreadable": bad})


class _RecordWriter:
    """Writes a shard of files, image by image; a context manager."""

    def __init__(self, path: Path):
        from array_record.python.array_record_module import ArrayRecordWriter

        self._writer = ArrayRecordWriter(str(path), OPTIONS)

    def __enter__(self) -> "_RecordWriter":
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is None:
            self._writer.close()

    def write(self, data: Stored, label: int, file_name: bytes) -> None:
        """Append an image."""
        row = {"image": data, "label": label, "file_name": file_name}
        self._writer.write(prepared.example(row))


def _ahead(
    pool: ThreadPoolExecutor, function: Callable[[T], U], items: Iterable[T]
) -> Iterator[tuple[T, U]]:
    """Each item and its result, in order; the pool is at most `AHEAD` results ahead."""
    running: deque[tuple[T, Future[U]]] = deque()
    for item in items:
        running.append((item, pool.submit(function, item)))
        if len(running) > AHEAD:
            first, result = running.popleft()
            yield first, result.result()
    yield from ((item, result.result()) for item, result in running)


def _write(
    packer: _Packer, shards: list[ShardFile], state: PackState, leave_out: bool
) -> dict[str, str]:
    """Write `shards` one by one, read by all cores; the unreadable images of all shards."""
    cv2.setNumThreads(0)  # OpenCV's own threads would compete with the pool's
    total = len(packer.manifest)
    count = start = total - sum(len(shard.images) for shard in shards)
    bar, began, size = Progress(total, label="packing"), time.monotonic(), 0
    bad = {k: v for record in state.done.values() for k, v in record["unreadable"].items()}
    with ThreadPoolExecutor() as pool:
        for shard in shards:
            for image in packer.write_shard(shard, state, pool):
                count, size = count + 1, size + image.size
                seconds = max(time.monotonic() - began, 1e-9)
                rates = (count - start) / seconds, size / 1e6 / seconds
                bar.update(count, {"images/s": f"{rates[0]:,.0f}", "MB/s": f"{rates[1]:.0f}"})
            bad |= state.done[shard.file]["unreadable"]
            if not leave_out:
                check_tolerated(bad, total, " Or leave them out: --leave_out_unreadable")
    bar.close()
    return bad


def _finish(
    state: PackState, name: str, manifest: Manifest, content: str, contract: Contract
) -> dict[str, list[int]]:
    """Write TFDS's metadata and the checksums beside the shards; the shards' lengths by split."""
    lengths: dict[str, list[int]] = {}
    for shard in manifest.shards:
        lengths.setdefault(shard.split, []).append(state.done[shard.file]["length"])
    for split, counts in lengths.items():
        if not sum(counts):
            raise DataError(f"{split}: none of its images can be read")
    more: dict[str, Any] = {} if contract.keeps_files else {"contract": contract.json()}
    if contract.raw:
        more |= {"classes": manifest.classes, "splits": lengths}
    else:
        from tensorflow_datasets import features as f

        features = {
            "image": f.Image(shape=(None, None, 3)),
            "label": f.ClassLabel(names=list(manifest.classes)),
            "file_name": f.Text(),
        }
        prepared.describe(state.folder, name, features, lengths, ("image", "label"))
    digests = {shard.file: state.done[shard.file]["sha256"] for shard in manifest.shards}
    prepared.write_checksums(state.folder, digests, content=content, **more)
    return lengths


def _summary(
    final: Path, lengths: dict[str, list[int]], bad: dict[str, str], packer: _Packer
) -> Iterator[str]:
    contract, before = (
        packer.contract,
        sum(i.size for s in packer.manifest.shards for i in s.images),
    )
    size = sum(path.stat().st_size for path in final.glob(f"*.{contract.format}*"))
    yield f"{final}: {size / 1e6:,.1f} MB"
    if not contract.keeps_files:
        yield f"  of {before / 1e6:,.1f} MB; {contract.text()}"
    for split, counts in lengths.items():
        yield f"  {split}: {sum(counts):,} images, shards: {len(counts)}"
    if bad:
        what = "left out" if packer.drops else "packed as they are, and skipped by training"
        yield f"{len(bad)} unreadable images, {what}:"
        yield from reason_lines(bad)
    yield prepared.how_to_read(final, "raw" if contract.raw else "tfds")
