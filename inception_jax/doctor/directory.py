"""The run's directory: whose it is, who sees it, and whether its checkpoints will fit."""

import contextlib
import errno
import math
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

import jax

from inception_jax import checkpoint
from inception_jax.doctor.finding import Finding, failure, size, warning
from inception_jax.doctor.hosts import Hosts
from inception_jax.errors import ConfigError, DataError, DiskFullError
from inception_jax.workdir import run_dir

SEEN = 10.0  # seconds until NFS shows a new file to other hosts
BESIDE = 10**6  # bytes of a checkpoint that are no arrays: 0.3 to 0.5 MB in runs of the digits
CACHE = 10**9  # bytes; an Inception's compiled steps take some 100 MB


def shared(path: Path, c: Any, allow_change: bool, hosts: Hosts) -> Finding:
    """Whether a run can own the directory, and every host sees what the first one writes there."""
    problem, token = None, ""
    with contextlib.ExitStack() as undo:
        if hosts.index == 0:
            try:
                run_dir.check(path, c, allow_change)
                token = _written(path, undo)
            except Exception as e:  # the others wait for a word
                problem = e
        token = hosts.told("token", token)[0]
        seen = not token or hosts.index == 0 or _seen(path / token)
        hosts.told("token seen", seen)  # by all, before the first process takes it away
    if problem:
        raise problem
    if not seen:
        return failure(
            f"{path}: what process 0 writes there is not seen here",
            "use a directory on a file system that all hosts share",
        )
    return Finding(f"{path}: {_held(path)}" + (", seen by all hosts" if hosts.count > 1 else ""))


def _written(path: Path, undo: contextlib.ExitStack) -> str:
    """Writes a file of a new name; it goes again with `undo`, and so do folders made for it."""
    missing = [p for p in (path, *path.parents) if not p.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        for folder in reversed(missing):
            undo.callback(folder.rmdir)
        token = path / f".doctor-{secrets.token_hex(8)}"
        undo.callback(token.unlink, missing_ok=True)
        with token.open("wb") as f:
            f.write(token.name.encode())
            os.fsync(f.fileno())
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(f"--workdir={path}: {e.strerror}; free some room there") from e
        raise ConfigError(
            f"--workdir={path}: expected a directory that can be created and written, but {e}; "
            f"choose another"
        ) from e
    return token.name


def _seen(token: Path) -> bool:
    until = time.monotonic() + SEEN
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if token.read_bytes() == token.name.encode():
                return True
        time.sleep(0.2)
    return False


def _held(path: Path) -> str:
    """What is in it."""
    if not (path / "config.json").exists():
        return "new" if not path.exists() or not any(path.iterdir()) else "no run yet"
    found = checkpoint.steps(path / "checkpoints")
    if (path / "DONE").exists():
        return f"a finished run, at step {max(found, default=0)}"
    return (
        f"continues at step {found[-1]} of {len(found)} checkpoints" if found else "no checkpoint"
    )


def init(path: Path) -> Finding:
    """The run that `checkpoint.init` starts from."""
    c, found = run_dir.saved_config(path), checkpoint.steps(path / "checkpoints")
    if not found:
        raise DataError(f"--config.checkpoint.init={path}: expected a checkpoint, found none")
    return Finding(f"{path}: {c['model']['name']} at step {found[-1]}")


def free_bytes(path: Path) -> int:
    """Bytes that may still be written where `path` is, or will be."""
    there = path.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return shutil.disk_usage(there).free


def room(path: Path, c: Any, state: Any) -> Finding:
    """The checkpoints that will be there at a time, beside the free space.

    Args:
        path: the workdir.
        c: the config.
        state: what a checkpoint holds, as shapes.
    """
    each = BESIDE + sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(state))
    keep = c.checkpoint.keep + c.checkpoint.keep_best
    if c.checkpoint.keep_every_epochs:
        keep += math.ceil(c.train.epochs / c.checkpoint.keep_every_epochs)
    there = len(checkpoint.steps(path / "checkpoints"))
    needed = each * max(1, keep + 1 - there)  # one is written before another goes
    free = free_bytes(path)
    kept = f"{keep} kept and one on its way" + (f", {there} there" if there else "")
    text = f"checkpoints of {size(each)}, {kept}: {size(needed)} of {size(free)} free"
    if needed > free:
        advice = (
            "free some room, choose another --workdir, or keep fewer: --config.checkpoint.keep=1"
        )
        return failure(text, advice, DiskFullError.code)
    return Finding(text)


def cache(folder: str | None) -> Finding:
    """Where compiled programs are kept."""
    if not folder:
        return warning(
            "off: every start compiles again", "unset JAX_COMPILATION_CACHE_DIR, or name a folder"
        )
    free = free_bytes(Path(folder))
    text = f"{folder}, {size(free)} free"
    if free < CACHE:
        return warning(text, "set JAX_COMPILATION_CACHE_DIR to a folder with more room")
    return Finding(text)
