"""Checks of ImageNet's two tar files: presence, size, md5, layout."""

import hashlib
import importlib.util
import re
import sys
import tarfile
from pathlib import Path

from inception_jax.data.imagenet import IMAGES, NAME, VALIDATION_FILE, WNID
from inception_jax.data.prepare import prepared
from inception_jax.data.prepare.imagenet import ARCHIVES, Archive, download_help
from inception_jax.errors import ConfigError, DataError, DiskFullError
from inception_jax.progress import Progress

MARGIN = 1.01  # disk for a set, relative to the size of its tar files
BUILD_MODULES = ("tensorflow", "importlib_resources")  # that TFDS needs to build a set
BLOCK = 2**22  # bytes hashed at a time


def preflight(manual: Path, out: Path, any_size: bool) -> dict[str, int]:
    """Check in seconds whether the set can be built; the images by split.

    Raises:
        ConfigError, DataError, DiskFullError: as `prepare`; the message lists every problem.
    """
    if not manual.is_dir():
        raise ConfigError(f"--manual_dir={manual} is not a folder. {download_help()}")
    problems: list[tuple[type[Exception], str]] = []
    for archive in ARCHIVES:
        if problem := _problem(archive, manual / archive.file, any_size):
            problems.append((DataError, problem))
    sizes = [p.stat().st_size for p in manual.glob("ILSVRC2012_img_*.tar") if p.is_file()]
    size = sum(a.size for a in ARCHIVES) if problems else sum(sizes)
    try:
        prepared.check_room(out, int(size * MARGIN), NAME)
    except DiskFullError as e:
        problems.append((DiskFullError, str(e)))
    if lacking := [name for name in BUILD_MODULES if importlib.util.find_spec(name) is None]:
        text = f"{' and '.join(lacking)} missing, which TFDS needs to build a set (only for that)"
        problems.append((ConfigError, f"{text}: pip install 'inception-jax[prepare]'"))
    if problems:
        missing = any(kind is DataError for kind, _ in problems)
        listed = "\n".join(f"- {problem}" for _, problem in problems)
        advice = f"\n{download_help()}" if missing else ""
        raise problems[0][0](f"cannot start:\n{listed}{advice}")
    return {a.split: _count(a, manual / a.file) for a in ARCHIVES}


def _problem(archive: Archive, path: Path, any_size: bool) -> str:
    """Why a file is not the official one; empty if it is."""
    if not path.is_file():
        return f"{path} is missing: {archive.size:,} bytes"
    size = path.stat().st_size
    if size == archive.size:
        return ""
    text = f"{path}: expected {archive.size:,} bytes, found {size:,}"
    if not any_size:
        return f"{text}; download it again, or prepare it as it is with --any_size"
    print(f"warning: {text}; continuing because of --any_size", file=sys.stderr)
    return ""


def _count(archive: Archive, path: Path) -> int:
    """Images in a tar file: a constant for a file of the official size, else counted.

    Raises:
        DataError: not a tar file, or not in the official layout.
    """
    if path.stat().st_size == archive.size:
        return IMAGES[archive.split]
    try:
        with tarfile.open(path) as tar:
            if archive.split == "train":
                return sum(_synset(tar, member) for member in tar)
            names = sorted(tar.getnames())
    except (tarfile.TarError, EOFError) as e:
        raise DataError(f"{path} is not a complete tar file: {e}") from e
    # TFDS labels validation images by the position of their name in sorted order.
    expected = [VALIDATION_FILE.format(i + 1) for i in range(len(names))]
    if names != expected or not names:
        odd = next((n for n, e in zip(names, expected, strict=True) if n != e), "nothing")
        raise DataError(f"{path}: expected {VALIDATION_FILE.format(1)} and so on, found {odd}")
    return len(names)


def _synset(tar: tarfile.TarFile, member: tarfile.TarInfo) -> int:
    if not re.fullmatch(rf"{WNID.pattern}\.tar", member.name):
        raise DataError(f"{tar.name}: expected n01440764.tar and so on, found {member.name}")
    with tarfile.open(fileobj=tar.extractfile(member)) as inner:
        return len(inner.getnames())


def check_md5(manual: Path) -> None:
    """Compare the md5 of both files, in minutes.

    Raises:
        DataError: a file is damaged.
    """
    for archive in ARCHIVES:
        path, digest, done = manual / archive.file, hashlib.md5(), 0
        bar = Progress(path.stat().st_size // 2**20, label=f"md5 of {archive.file}, MiB")
        with path.open("rb") as f:
            while block := f.read(BLOCK):
                digest.update(block)
                done += len(block)
                bar.update(done // 2**20, {})
        bar.close()
        if digest.hexdigest() != archive.md5:
            raise DataError(
                f"{path}: expected md5 {archive.md5}, found {digest.hexdigest()}; download it again"
            )
