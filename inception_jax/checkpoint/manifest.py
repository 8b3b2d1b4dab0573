"""manifest.json of a saved step: its run, its step, and size and sha256 of every file."""

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from inception_jax.errors import shown
from inception_jax.workdir import atomic, reading, run_id

NAME = "manifest.json"
FORMAT = 1
KEYS = ("size", "sha256")
DEPTH = 16  # of folders in a step; Orbax's are 3 deep
KINDS = {
    stat.S_IFREG: "a file", stat.S_IFDIR: "a deep folder", stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket",
}  # fmt: skip


def write(folder: Path, run: str, step: int, **about: Any) -> None:
    """Hash the files of a complete step and write its manifest; all is on the disk at the return.

    Args:
        folder: of the step, under any name.
        run: the run's id.
        step: its number.
        about: JSON values to record beside the files, such as time and versions.
    """
    atomic.sync_tree(folder)  # Orbax does not sync its small files and its folders
    hashes = _hashed(folder, contents(folder))
    files = {name: {"size": size, "sha256": sha256} for name, (size, sha256) in hashes.items()}
    value = {**about, "format": FORMAT, "run": run, "step": step, "files": files}
    atomic.write_text(folder / NAME, _text(value))


def read(folder: Path) -> dict[str, Any]:
    """Read the manifest of a step: format, run, step, files, and what `write` was given.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is of another format, or a byte of it differs from what was written.
    """
    text = reading.content(folder / NAME, os.O_NOFOLLOW)
    value = reading.decoded(text)
    if not isinstance(value, dict):
        raise ValueError("expected an object")
    if type(value.get("format")) is not int or value["format"] != FORMAT:
        found = shown(value.get("format", "none"))[:40]
        raise ValueError(f"expected format {FORMAT}, found {found}: of another version")
    value.pop("sha256", None)
    try:
        if text != _text(value).encode():
            raise ValueError("it is not as it was written")
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    files = value.get("files")
    if not (isinstance(files, dict) and files):
        raise ValueError("it names no files")
    for name, file in files.items():
        if not (isinstance(file, dict) and [*map(type, map(file.get, KEYS))] == [int, str]):
            raise ValueError(f"expected size and sha256 of {shown(name)}")
    return value


def problems(
    folder: Path, on_file: Callable[[str], None] | None = None, sums: bool = True
) -> list[str]:
    """Compare a step with its manifest; one line per problem, none if it is the run's and whole.

    It is whole if it has the files that the manifest names, byte by byte, and nothing else.

    Args:
        folder: of the step, in the folder of a run's checkpoints.
        on_file: called with the name of each file that has been read.
        sums: False compares names and sizes only, which reads nothing but the manifest.
    """
    try:
        if not stat.S_ISDIR(mode := folder.lstat().st_mode):
            return [f"{folder.name}: expected a folder, found {_kind(mode)}"]
        about = read(folder)
    except FileNotFoundError:
        return [f"{NAME}: missing"]
    except (OSError, ValueError) as e:
        return [f"{NAME}: damaged ({e})"]
    if reason := _foreign(folder, about):
        return [reason]
    wanted, found = about["files"], contents(folder)
    wrong = {}
    for name in sorted({*wanted, *found}):
        expected, size = wanted.get(name, {}).get("size"), found.get(name)
        if isinstance(size, str):
            wrong[name] = f"expected a file, found {size}"
        elif name not in wanted:
            wrong[name] = f"not in {NAME}"
        elif size is None:
            wrong[name] = "missing"
        elif size != expected:
            wrong[name] = f"expected {expected:,} bytes, found {size:,}"
    if sums and not wrong:
        for name, (_, sha256) in _hashed(folder, found, on_file).items():
            if sha256 != wanted[name]["sha256"]:
                expected = wanted[name]["sha256"][:12]
                wrong[name] = f"expected sha256 {shown(expected)}..., found {sha256[:12]}..."
    return [f"{shown(name)}: {reason}" for name, reason in wrong.items()]


def _foreign(folder: Path, about: dict[str, Any]) -> str:
    """Why a manifest is not of the run and the step of its folder; empty if it is."""
    step, run = about.get("step"), about.get("run")
    if type(step) is not int or str(step) != folder.name:
        return f"{NAME}: expected step {folder.name}, found {shown(step)[:40]}"
    try:
        expected = run_id.read(folder.parent.parent)
    except (FileNotFoundError, ValueError) as e:
        reason = "missing" if isinstance(e, FileNotFoundError) else f"damaged ({e})"
        return (
            f"{run_id.FILE}: {reason}, so that nothing shows whose the step is; if it is this "
            f'run\'s, write {{"id": {json.dumps(run)[:50]}}} there'
        )
    if run != expected:
        theirs = shown(run)[:12]
        return f"{NAME}: expected run {shown(expected)[:12]}, found {theirs}: a step of another run"
    return ""


def contents(folder: Path) -> dict[str, int | str]:
    """What is below a step's folder, without its manifest, by name.

    Returns:
        The size of each file; of everything else but folders, which are entered, what it is.
    """
    found: dict[str, int | str] = {}
    folders = [folder]
    while folders:
        here = folders.pop()
        prefix = "" if here == folder else f"{here.relative_to(folder).as_posix()}/"
        try:
            names = os.listdir(here)
        except OSError as e:
            found[prefix] = f"a folder that cannot be read ({e.strerror})"
            continue
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                status = (here / name).lstat()
                if stat.S_ISREG(status.st_mode):
                    found[prefix + name] = status.st_size
                elif stat.S_ISDIR(status.st_mode) and prefix.count("/") < DEPTH:
                    folders.append(here / name)
                else:
                    found[prefix + name] = _kind(status.st_mode)
    found.pop(NAME, None)
    return found


def _kind(mode: int) -> str:
    return KINDS.get(stat.S_IFMT(mode), "a device")


def _hashed(
    folder: Path, sizes: dict[str, int | str], on_file: Callable[[str], None] | None = None
) -> dict[str, tuple[int, str]]:
    """Size and sha256 of files, computed on all cores, the largest file first."""

    def hash_file(name: str) -> tuple[int, str]:
        try:
            with reading.opened(folder / name, os.O_NOFOLLOW) as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                return os.fstat(file.fileno()).st_size, sha256
        except (OSError, ValueError) as e:
            return 0, f"({e})"
        finally:
            if on_file:
                on_file(name)

    order = sorted(sizes, key=lambda name: sizes[name], reverse=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = dict(zip(order, pool.map(hash_file, order), strict=True))
    return {name: hashes[name] for name in sorted(sizes)}


def _text(value: dict[str, Any]) -> str:
    """The only way to write a value, so that a flipped bit anywhere, even in a blank, differs."""
    body = json.dumps(value, indent=1, sort_keys=True)
    sha256 = hashlib.sha256(body.encode()).hexdigest()
    return json.dumps({"sha256": sha256, **value}, indent=1, sort_keys=True) + "\n"
