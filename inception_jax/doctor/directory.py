"""Check the run directory: ownership, visibility on all hosts, room for checkpoints."""

import contextlib
import math
import os
import secrets
import time
from pathlib import Path
from typing import Any

import jax

from inception_jax import checkpoint
from inception_jax.config import Config
from inception_jax.doctor.finding import Finding, failure, size
from inception_jax.doctor.hosts import Hosts
from inception_jax.errors import ConfigError, DataError, DiskFullError, writing
from inception_jax.workdir import disk_space, run_dir

SEEN = 10.0  # seconds until a new file on NFS is visible on other hosts
OVERHEAD = 10**6  # bytes of a checkpoint beside its arrays: 0.3 to 0.5 MB for digits


def shared(path: Path, c: Config, allow_change: bool, hosts: Hosts) -> Finding:
    """Checks that a run can own the directory, and that all hosts see the first one's files."""
    problem, token = None, ""
    with contextlib.ExitStack() as undo:
        if hosts.index == 0:
            try:
                run_dir.check(path, c, allow_change)
                token = _write_token(path, undo)
            except Exception as e:  # the others wait for the token
                problem = e
        token = hosts.exchange("token", token)[0]
        seen = not token or hosts.index == 0 or _sees_token(path / token)
        hosts.exchange("token seen", seen)  # by all, before the first process deletes it
    if problem:
        raise problem
    if not seen:
        return failure(
            f"{path}: files that process 0 writes there are not visible here",
            "use a directory on a file system that all hosts share",
        )
    return Finding(
        f"{path}: {_describe(path)}" + (", visible on all hosts" if hosts.count > 1 else "")
    )


def _write_token(path: Path, undo: contextlib.ExitStack) -> str:
    """Writes a file of a new name; `undo` deletes it and the folders created for it."""
    missing = [p for p in (path, *path.parents) if not p.exists()]
    with writing(f"--workdir={path}"):
        path.mkdir(parents=True, exist_ok=True)
        for folder in reversed(missing):
            undo.callback(folder.rmdir)
        token = path / f".doctor-{secrets.token_hex(8)}"
        undo.callback(token.unlink, missing_ok=True)
        with token.open("wb") as f:
            f.write(token.name.encode())
            os.fsync(f.fileno())
    return token.name


def _sees_token(token: Path) -> bool:
    until = time.monotonic() + SEEN
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if token.read_bytes() == token.name.encode():
                return True
        time.sleep(0.2)
    return False


def _describe(path: Path) -> str:
    """Describes the run in the directory."""
    if not (path / "config.json").exists():
        return "new" if not path.exists() or not any(path.iterdir()) else "no run yet"
    found = checkpoint.complete(path / "checkpoints")
    if (path / "DONE").exists():
        return f"a finished run, at step {max(found, default=0)}"
    return (
        f"continues at step {found[-1]} of {len(found)} checkpoints" if found else "no checkpoint"
    )


def other_run(key: str, path: Path) -> Finding:
    """Checks the run whose weights `key` of the config names."""
    try:
        c, found = run_dir.saved_config(path), checkpoint.complete(path / "checkpoints")
    except ConfigError as e:
        raise ConfigError(str(e).replace("--workdir=", f"--config.{key}=", 1)) from e
    if not found:
        raise DataError(f"--config.{key}={path}: expected a checkpoint, got none")
    return Finding(f"{path}: {c['model']['name']} at step {found[-1]}")


def room(path: Path, c: Config, state: Any) -> Finding:
    """Compares the room that checkpoints of `state` (shapes) need with the free space."""
    each = OVERHEAD + sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(state))
    keep = c.checkpoint.keep + c.checkpoint.keep_best
    if c.checkpoint.keep_every_epochs:
        keep += math.ceil(c.train.epochs / c.checkpoint.keep_every_epochs)
    existing = len(checkpoint.complete(path / "checkpoints"))
    needed = each * max(1, keep + 1 - existing)  # one is written before another is deleted
    free = disk_space.free_bytes(path)
    count = f"{keep} kept and one being written" + (f", {existing} exist" if existing else "")
    text = f"checkpoints of {size(each)}, {count}: {size(needed)} of {size(free)} free"
    if needed > free:
        advice = "free some, choose another --workdir, or keep fewer: --config.checkpoint.keep=1"
        return failure(text, advice, DiskFullError.code)
    return Finding(text)
