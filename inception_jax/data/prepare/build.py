"""ImageNet built by TFDS's own code from the official files; the only use of TensorFlow."""

import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from inception_jax.data import imagenet
from inception_jax.data.prepare import archives, prepared
from inception_jax.data.prepare.imagenet import missing_images
from inception_jax.errors import ConfigError
from inception_jax.progress import watched
from inception_jax.runtime import user_paths


def prepare(manual: Path, out: Path, any_size: bool = False, md5: bool = False) -> str:
    """Build TFDS's set in `out` from the tar files in `manual`, unless it exists; a summary.

    Raises:
        ConfigError: TensorFlow or a folder is missing, or `out` has an unusable set of this name.
        DataError: a file is missing or is not the official one.
        DiskFullError: too little room.
    """
    import tensorflow_datasets as tfds

    manual, out = user_paths.expanded(manual), user_paths.expanded(out)
    final = out / imagenet.NAME / str(tfds.builder_cls(imagenet.NAME).VERSION)
    if final.exists():
        return _summary(final)
    counts = archives.preflight(manual, out, any_size)
    if md5:
        archives.check_md5(manual)
    with prepared.staging(out, imagenet.NAME) as staging:
        if not final.exists():  # else the process that held the lock has built it
            built = staging / final.name
            _build(manual, staging, built, counts)
            names = sorted(path.name for path in built.glob("*.array_record*"))
            prepared.write_checksums(built, prepared.hashed(built, names))
            prepared.publish(built, final)
            shutil.rmtree(staging / "downloads", ignore_errors=True)
    return _summary(final)


def _build(manual: Path, staging: Path, built: Path, counts: dict[str, int]) -> None:
    """Run TFDS's builder; it cannot continue the work of a killed process, which is removed."""
    import tensorflow_datasets as tfds
    from absl import logging

    for name, value in {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": "0"}.items():
        os.environ.setdefault(name, value)  # no messages about its optimisations
    for path in staging.glob("incomplete.*"):
        size = sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
        print(f"removing {size / 1e9:,.1f} GB that an interrupted run left", file=sys.stderr)
        shutil.rmtree(path)
    logging.set_verbosity(logging.ERROR)  # without it TFDS warns that there is no test split
    builder = tfds.builder(imagenet.NAME, data_dir=str(staging.parent))
    # TFDS prints a download message with a temporary folder.
    with _our_progress(counts), contextlib.redirect_stdout(io.StringIO()):
        builder.download_and_prepare(
            file_format="array_record", download_dir=str(staging / "downloads"),
            download_config=tfds.download.DownloadConfig(
                manual_dir=str(manual), try_download_gcs=False
            ),
        )  # fmt: skip
    if not built.exists():
        raise RuntimeError(f"expected TFDS to write {built}, found none")


@contextlib.contextmanager
def _our_progress(counts: dict[str, int]) -> Iterator[None]:
    """Replace TFDS's progress bars by ours: one line every ten seconds in a log file."""
    from tensorflow_datasets.core import utils

    theirs = utils.tqdm

    def ours(items: Iterable[Any], *args: Any, desc: str = "", total: int | None = None,
             **options: Any) -> Iterable[Any]:  # fmt: skip
        # "Generating train examples...", "Shuffling .../imagenet2012-train.array_record-*", others
        what, _, rest = desc.partition(" ")
        split = next((name for name in counts if name in rest.rpartition("/")[2]), "")
        if not split or what not in ("Generating", "Shuffling"):
            return items
        return watched(items, total or counts[split], f"{what.lower()} {split}")

    utils.tqdm = ours
    try:
        yield
    finally:
        utils.tqdm = theirs


def _summary(final: Path) -> str:
    """The images of a prepared set, compared with ImageNet's.

    Raises:
        ConfigError: the set cannot be used.
    """
    try:
        info = json.loads((final / "dataset_info.json").read_text())
    except (OSError, ValueError) as e:
        raise ConfigError(f"{final} exists and is not a prepared set ({e}); remove it") from e
    if info["fileFormat"] != "array_record":
        raise ConfigError(
            f"{final} is prepared as {info['fileFormat']}, expected array_record: choose another "
            f"--data_dir, or remove it"
        )
    counts = {s["name"]: sum(int(n) for n in s["shardLengths"]) for s in info["splits"]}
    images = [f"  {split}: {count:,} images" for split, count in counts.items()]
    lines = [f"{final}: prepared", *images, *missing_images(counts), prepared.how_to_read(final)]
    return "\n".join(lines)
