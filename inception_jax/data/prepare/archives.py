"""ImageNet's two tar files: whether they are there, official, and laid out as published."""

import hashlib
import importlib.util
import re
import sys
import tarfile
from pathlib import Path

from inception_jax.data.prepare import prepared
from inception_jax.data.prepare.imagenet import ARCHIVES, NAME, WNID, Archive, needed
from inception_jax.errors import ConfigError, DataError, DiskFullError
from inception_jax.progress import Progress

VAL_NAME = "ILSVRC2012_val_{:08d}.JPEG"
MARGIN = 1.01  # disk for a set, over the size of its tar files
BUILDS = ("tensorflow", "importlib_resources")  # modules
BLOCK = 2**22  # bytes hashed at a time


def preflight(manual: Path, out: Path, any_size: bool) -> dict[str, int]:
    """Everything that can be known in seconds; the images of each split.

    Raises:
        ConfigError, DataError, DiskFullError: as `prepare`; the message has all that is wrong.
    """
    if not manual.is_dir():
        raise ConfigError(f"--manual_dir={manual}: expected a folder, found none. {needed()}")
    wrong: list[tuple[type[Exception], str]] = []
    for archive in ARCHIVES:
        if reason := _wrong(archive, manual / archive.file, any_size):
            wrong.append((DataError, reason))
    sizes = [p.stat().st_size for p in manual.glob("ILSVRC2012_img_*.tar") if p.is_file()]
    size = sum(a.size for a in ARCHIVES) if wrong else sum(sizes)
    try:
        prepared.need(out, int(size * MARGIN), NAME)
    except DiskFullError as e:
        wrong.append((DiskFullError, str(e)))
    if lacking := [name for name in BUILDS if importlib.util.find_spec(name) is None]:
        text = f"{' and '.join(lacking)} missing, which TFDS needs to build a set (only for that)"
        wrong.append((ConfigError, f"{text}: pip install 'inception-jax[prepare]'"))
    if wrong:
        missing = any(kind is DataError for kind, _ in wrong)
        reasons = "\n".join(f"- {reason}" for _, reason in wrong)
        raise wrong[0][0](f"cannot begin:\n{reasons}" + (f"\n{needed()}" if missing else ""))
    return {a.split: _count(a, manual / a.file) for a in ARCHIVES}


def _wrong(archive: Archive, path: Path, any_size: bool) -> str:
    """Why a file is not the official one, or nothing."""
    if not path.is_file():
        return f"{path} is missing: {archive.size:,} bytes"
    found = path.stat().st_size
    if found == archive.size:
        return ""
    text = f"{path}: expected {archive.size:,} bytes, found {found:,}"
    if not any_size:
        return f"{text}; fetch it again, or say --any_size to prepare what is there"
    print(f"warning: {text}; going on, as --any_size says", file=sys.stderr)
    return ""


def _count(archive: Archive, path: Path) -> int:
    """The images in a tar file: known of the official one, counted in another.

    Raises:
        DataError: it is no tar file, or not laid out as the official one.
    """
    if path.stat().st_size == archive.size:
        return archive.images
    try:
        with tarfile.open(path) as tar:
            if archive.split == "train":
                return sum(_synset(tar, member) for member in tar)
            names = sorted(tar.getnames())
    except (tarfile.TarError, EOFError) as e:
        raise DataError(f"{path} is no whole tar file: {e}") from e
    # TFDS labels validation images by their place in the order of the names.
    expected = [VAL_NAME.format(i + 1) for i in range(len(names))]
    if names != expected or not names:
        odd = next((n for n, e in zip(names, expected, strict=True) if n != e), "nothing")
        raise DataError(f"{path}: expected {VAL_NAME.format(1)} and so on, found {odd}")
    return len(names)


def _synset(tar: tarfile.TarFile, member: tarfile.TarInfo) -> int:
    if not re.fullmatch(rf"{WNID.pattern}\.tar", member.name):
        raise DataError(f"{tar.name}: expected n01440764.tar and so on, found {member.name}")
    with tarfile.open(fileobj=tar.extractfile(member)) as inner:
        return len(inner.getnames())


def check_md5(manual: Path) -> None:
    """Reads both files whole: a byte that flipped on the way costs minutes here, not hours."""
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
                f"{path}: expected md5 {archive.md5}, found {digest.hexdigest()}; fetch it again"
            )
