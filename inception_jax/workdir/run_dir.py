"""A run's directory: whose it is, its config, its attempts, and that one process owns it."""

import contextlib
import fcntl
import functools
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ml_collections import ConfigDict

from inception_jax.config import LATER, flatten, ordered
from inception_jax.errors import ConfigError, UserError
from inception_jax.runtime import distributed
from inception_jax.workdir import atomic, jsonl

# Where a run may be continued with another value and still be the same run.
FREE = (
    "checkpoint.keep", "checkpoint.keep_best", "checkpoint.keep_every_epochs",
    "data.threads", "data.processes", "data.cache", "data.dir",
    "log.tensorboard", "log.track", "log.monitors", "log.profile",
    "mesh.data", "mesh.model", "mesh.zero",
    "train.on_divergence", "train.recompute", "train.rollbacks", "train.rollback_factor",
    "train.vmem", "train.watchdog",
)  # fmt: skip


def check(workdir: Path, config: ConfigDict, allow_change: bool) -> None:
    """What `opened` would refuse, found before JAX is imported; nothing is written.

    Raises:
        ConfigError: as `opened`.
    """
    there = workdir.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise ConfigError(_unusable(workdir, f"{there} is no directory, or may not be written"))
    if (workdir / ".lock").is_file():
        with (workdir / ".lock").open("r+") as lock:
            _own(lock, workdir)
    if (workdir / "config.json").exists():
        _compare(workdir, saved_config(workdir), plain(config), allow_change)


@contextlib.contextmanager
def opened(workdir: Path, config: ConfigDict, allow_change: bool) -> Iterator[None]:
    """Owns `workdir` for one attempt: created, locked, and its config compared or saved.

    Raises:
        ConfigError: another process runs in it, or it belongs to another config.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        lock = (workdir / ".lock").open("a+")
    except OSError as e:
        raise ConfigError(_unusable(workdir, str(e))) from e
    with lock:
        _own(lock, workdir)
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}")
        lock.flush()
        path = workdir / "config.json"
        if path.exists():
            _compare(workdir, saved_config(workdir), plain(config), allow_change)
        atomic.write_text(path, json.dumps(plain(config), indent=2) + "\n")
        yield


def _own(lock: TextIO, workdir: Path) -> None:
    """Locks the file until it is closed."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        lock.seek(0)
        raise ConfigError(
            f"--workdir={workdir}: another process is training there ({lock.read() or 'unknown'}); "
            f"wait for it, end it, or choose another --workdir"
        ) from e


def _unusable(workdir: Path, reason: str) -> str:
    return (
        f"--workdir={workdir}: expected a directory that can be created and written, but {reason}; "
        f"choose another"
    )


def _compare(workdir: Path, saved: dict[str, Any], now: dict[str, Any], allowed: bool) -> None:
    before, after = dict(flatten(saved)), dict(flatten(now))
    keys = [k for k in {**before, **after} if before.get(k) != after.get(k) and k not in FREE]
    if keys and not allowed:
        rows = "\n".join(f"  {k}: {before.get(k)} there, {after.get(k)} now" for k in keys)
        raise ConfigError(
            f"--workdir={workdir} holds a run with another config:\n{rows}\n"
            f"Use another --workdir, or --allow_config_change to continue it with the new values."
        )


def notes(config: ConfigDict, workdir: Path) -> dict[str, Any]:
    """What the processes of one job must agree on: the config, the code, the directory."""
    local = ("data.dir", "data.threads", "data.processes", "data.cache")
    values = {k: v for k, v in flatten(plain(config)) if k not in local}
    return {**values, "workdir": str(workdir.absolute()), "code": distributed.code_digest()}


def plain(config: ConfigDict) -> dict[str, Any]:
    """The config as JSON values, in the order of a page."""
    return json.loads(json.dumps(ordered(config)))


def saved_config(workdir: Path) -> dict[str, Any]:
    """The config of the run in `workdir`.

    Raises:
        ConfigError: there is no run, or its config.json is damaged.
    """
    path = workdir / "config.json"
    if not path.is_file():
        raise ConfigError(
            f"--workdir={workdir}: expected a directory that `inception-jax train` made, found no "
            f"{path}"
        )
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:
        saved = e
    if not isinstance(saved, dict):
        raise ConfigError(
            f"--workdir={workdir}: {path} is damaged, expected one JSON object; {saved}"
        )
    for key, value in LATER.items():
        section, _, name = key.partition(".")
        if isinstance(saved.get(section), dict):
            saved[section].setdefault(name, value)
    return saved


@contextlib.contextmanager
def attempt(workdir: Path, start_step: int) -> Iterator[dict[str, Any]]:
    """Notes an attempt in attempts.jsonl: its start now, its end and exit code when it leaves.

    The body sets `step`, and whatever else is worth knowing of the attempt, in the yielded record.
    A killed attempt has no end; one that another thread ends (`distributed.abort_all`) has.
    """
    path = workdir / "attempts.jsonl"
    record: dict[str, Any] = {"step": start_step}

    def note(event: str, **more: Any) -> None:
        line = {"event": event, "time": time.time(), **record, **more}
        with path.open("a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")

    # A killed attempt left no end. Its last line is its last sign of life, and may be dropped next.
    alive = jsonl.last(workdir / "metrics.jsonl")
    before = {"previous_end": alive["time"], "previous_step": alive["step"]} if alive else {}
    note("start", host=socket.gethostname(), pid=os.getpid(), **before)
    end = functools.partial(note, "end")
    distributed.before_exit(lambda code: end(code=code))
    code = 1
    try:
        yield record
        code = 0
    except UserError as e:
        code = e.code
        raise
    except Exception:
        distributed.listen_for_cause()
        raise
    finally:
        end(code=code)
