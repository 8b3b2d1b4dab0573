"""manifest.json of a saved step: size and sha256 of each file, and what wrote them."""

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from inception_jax.workdir import atomic

NAME = "manifest.json"


def write(folder: Path, **about: Any) -> None:
    """Hash the files of a complete step and write its manifest; all is on the disk at the return.

    `about` has JSON values to record beside the files: step, time, versions.
    """
    atomic.sync_tree(folder)  # Orbax does not sync its small files and its folders
    hashes = _hashed(folder, _files(folder))
    files = {name: {"size": size, "sha256": sha256} for name, (size, sha256) in hashes.items()}
    atomic.write_text(folder / NAME, _text({**about, "files": files}))


def read(folder: Path) -> dict[str, Any]:
    """Read the manifest of a step.

    Raises:
        OSError: there is none.
        ValueError: a byte of it differs from what was written.
    """
    text = (folder / NAME).read_bytes()
    value = json.loads(text)
    value.pop("sha256")
    if text != _text(value).encode():
        raise ValueError("it is not as it was written")
    return value


def problems(
    folder: Path, on_file: Callable[[str], None] | None = None, sums: bool = True
) -> list[str]:
    """Compare a step's files with its manifest; one line per problem, none if all bytes match.

    Without `sums` only names and sizes are compared, which reads nothing; `on_file` is called with
    the name of each file that has been read.
    """
    if not (folder / NAME).exists():
        return [f"{NAME}: missing"]
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
            wrong[name] = "missing" if size is None else f"{expected}, found {size:,}"
    if sums and not wrong:
        for name, (_, sha256) in _hashed(folder, list(wanted), on_file).items():
            if sha256 != wanted[name]["sha256"]:
                expected = wanted[name]["sha256"][:12]
                wrong[name] = f"expected sha256 {expected}..., found {sha256[:12]}..."
    return [f"{name}: {reason}" for name, reason in wrong.items()]


def _hashed(
    folder: Path, names: list[str], on_file: Callable[[str], None] | None = None
) -> dict[str, tuple[int, str]]:
    """Size and sha256 of files, computed on all cores, the largest file first."""

    def hash_file(name: str) -> tuple[int, str]:
        try:
            with (folder / name).open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                return os.fstat(file.fileno()).st_size, sha256
        except OSError as e:
            return 0, f"({e})"
        finally:
            if on_file:
                on_file(name)

    order = sorted(names, key=lambda name: (folder / name).stat().st_size, reverse=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = dict(zip(order, pool.map(hash_file, order), strict=True))
    return {name: hashes[name] for name in names}


def _files(folder: Path) -> list[str]:
    paths = (p for p in folder.rglob("*") if p.is_file())
    return sorted(p.relative_to(folder).as_posix() for p in paths if p.name != NAME)


def _text(value: dict[str, Any]) -> str:
    """The only way to write a value, so that a flipped bit anywhere, even in a blank, differs."""
    body = json.dumps(value, indent=1, sort_keys=True)
    sha256 = hashlib.sha256(body.encode()).hexdigest()
    return json.dumps({"sha256": sha256, **value}, indent=1, sort_keys=True) + "\n"
