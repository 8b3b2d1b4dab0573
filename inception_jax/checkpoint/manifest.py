"""manifest.json of a saved step: size and sha256 of each of its files, and what wrote them."""

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

NAME = "manifest.json"


def write(folder: Path, **about: Any) -> None:
    """Hashes what lies in `folder` and notes it there; all of it is on the disk at the return.

    Args:
        folder: of a step, complete.
        **about: JSON values to note beside the files: step, time, versions.
    """
    for path in folder.rglob("*"):
        sync(path)  # Orbax leaves its small files and all its folders to the system
    files = {n: {"size": s, "sha256": h} for n, (s, h) in _hashed(folder, _files(folder)).items()}
    partial = folder / (NAME + ".partial")
    partial.write_text(_text({**about, "files": files}), encoding="utf-8")
    sync(partial)
    os.replace(partial, folder / NAME)
    sync(folder)


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a step.

    Raises:
        OSError: there is none.
        ValueError: it is not as it was written.
    """
    text = (folder / NAME).read_bytes()
    value = json.loads(text)
    value.pop("sha256")
    if text != _text(value).encode():
        raise ValueError("it is not as it was written")
    return value


def problems(
    folder: Path, each: Callable[[str], None] = lambda name: None, sums: bool = True
) -> list[str]:
    """What is wrong with a step's files, one line each; none: every byte is as it was written.

    Args:
        folder: of the step.
        each: told the name of each file that has been read.
        sums: False compares names and sizes only, which reads nothing.
    """
    if not (folder / NAME).exists():
        return [f"{NAME}: gone"]
    try:
        wanted = read(folder)["files"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        return [f"{NAME}: damaged ({e})"]
    wrong = {}
    for name, file in wanted.items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else None
        if size != file["size"]:
            expected = f"expected {file['size']:,} bytes"
            wrong[name] = "gone" if size is None else f"{expected}, found {size:,}"
    # Where a size is wrong already, nobody has to wait for the sums.
    if sums and not wrong:
        for name, (_, found) in _hashed(folder, list(wanted), each).items():
            if found != wanted[name]["sha256"]:
                expected = wanted[name]["sha256"][:12]
                wrong[name] = f"expected sha256 {expected}..., found {found[:12]}..."
    return [f"{name}: {reason}" for name, reason in wrong.items()]


def _hashed(
    folder: Path, names: list[str], each: Callable[[str], None] = lambda name: None
) -> dict[str, tuple[int, str]]:
    """Size and sha256 of files; all cores, the largest first."""

    def one(name: str) -> tuple[int, str]:
        try:
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
                return os.fstat(file.fileno()).st_size, found
        except OSError as e:
            return 0, f"({e})"
        finally:
            each(name)

    def size(name: str) -> int:
        return (folder / name).stat().st_size

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        order = sorted(names, key=size, reverse=True)
        found = dict(zip(order, pool.map(one, order), strict=True))
    return {name: found[name] for name in names}


def _files(folder: Path) -> list[str]:
    paths = (p for p in folder.rglob("*") if p.is_file())
    return sorted(p.relative_to(folder).as_posix() for p in paths if p.name != NAME)


def _text(value: dict[str, Any]) -> str:
    """The one way to write a value; a flipped bit anywhere, in a blank even, gives another text."""
    body = json.dumps(value, indent=1, sort_keys=True)
    sha256 = hashlib.sha256(body.encode()).hexdigest()
    return json.dumps({"sha256": sha256, **value}, indent=1, sort_keys=True) + "\n"


def sync(path: Path) -> None:
    """Returns when a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
