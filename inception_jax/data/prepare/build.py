"""TFDS's own ImageNet, built by its own code from the official files; the one use of TensorFlow."""

import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from inception_jax.data.prepare import archives, imagenet, prepared
from inception_jax.errors import ConfigError
from inception_jax.progress import watched


def prepare(manual: Path, out: Path, any_size: bool = False, md5: bool = False) -> str:
    """Builds TFDS's set in `out` from the tar files in `manual`; what was done, in a few lines.

    Raises:
        ConfigError: no TensorFlow, no such folder, or another set in the way.
        DataError: a file is missing or is not the official one.
        DiskFullError: there is no room.
    """
    import tensorflow_datasets as tfds

    manual, out = Path(manual).expanduser(), Path(out).expanduser()
    final = out / imagenet.NAME / str(tfds.builder_cls(imagenet.NAME).VERSION)
    if final.exists():
        return _there(final)
    counts = archives.preflight(manual, out, any_size)
    if md5:
        archives.check_md5(manual)
    with prepared.staging(out, imagenet.NAME) as staging:
        if not final.exists():  # made now, by the process that had the lock
            made = staging / final.name
            _build(manual, staging, made, counts)
            names = sorted(path.name for path in made.glob("*.array_record*"))
            prepared.write_checksums(made, prepared.hashed(made, names))
            prepared.publish(made, final)
            shutil.rmtree(staging / "downloads", ignore_errors=True)
    return _there(final)


def _build(manual: Path, staging: Path, made: Path, counts: dict[str, int]) -> None:
    """Lets TFDS work; it cannot continue what a killed process began, which is removed."""
    import tensorflow_datasets as tfds
    from absl import logging

    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": "0"}  # of what is no trouble
    os.environ.update({k: v for k, v in quiet.items() if k not in os.environ})
    for path in staging.glob("incomplete.*"):
        size = sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
        print(f"removing {size / 1e9:,.1f} GB that an interrupted run left", file=sys.stderr)
        shutil.rmtree(path)
    logging.set_verbosity(logging.ERROR)  # that there is no test split is no warning to us
    builder = tfds.builder(imagenet.NAME, data_dir=str(staging.parent))
    # TFDS prints that it downloads, and where we do not leave it.
    with _shown(counts), contextlib.redirect_stdout(io.StringIO()):
        builder.download_and_prepare(
            file_format="array_record", download_dir=str(staging / "downloads"),
            download_config=tfds.download.DownloadConfig(
                manual_dir=str(manual), try_download_gcs=False
            ),
        )  # fmt: skip
    if not made.exists():
        raise RuntimeError(f"expected TFDS to write {made}, found none")


@contextlib.contextmanager
def _shown(counts: dict[str, int]) -> Iterator[None]:
    """TFDS's bars as ours: a line every ten seconds in a log, which its own would fill."""
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


def _there(final: Path) -> str:
    """What a prepared set has, compared with what it should have.

    Raises:
        ConfigError: it cannot be used.
    """
    try:
        info = json.loads((final / "dataset_info.json").read_text())
    except (OSError, ValueError) as e:
        raise ConfigError(f"{final} is in the way and no prepared set ({e}); remove it") from e
    if info["fileFormat"] != "array_record":
        raise ConfigError(
            f"{final} is prepared as {info['fileFormat']}, expected array_record: choose another "
            f"--data_dir, or remove it"
        )
    found = {s["name"]: sum(int(n) for n in s["shardLengths"]) for s in info["splits"]}
    lines = [f"{final}: prepared"]
    lines += [f"  {split}: {count:,} images" for split, count in found.items()]
    lines += imagenet.difference(found)
    lines.append(
        f"read it with --config.data.source=tfds --config.data.name={imagenet.NAME} "
        f"--config.data.dir={final.parent.parent}"
    )
    return "\n".join(lines)
