"""A run's directory: whose it is, its config, its attempts, and that one process owns it."""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from inception_jax.config import flatten
from inception_jax.errors import ConfigError, UserError

# Where a run may be continued with another value and still be the same run.
FREE = ("checkpoint.keep", "data.threads", "data.cache", "data.dir", "log.tensorboard", "log.track")


@contextlib.contextmanager
def opened(workdir: Path, config: ConfigDict, allow_change: bool) -> Iterator[None]:
    """Owns `workdir` for one attempt: created, locked, and its config compared or saved.

    Raises:
        ConfigError: another process runs in it, or it belongs to another config.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        lock = (workdir / ".lock").open("w")
    except OSError as e:
        raise ConfigError(f"--workdir={workdir}: cannot be written ({e})") from e
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise ConfigError(
                f"--workdir={workdir}: another process is training there; wait, or choose another"
            ) from e
        path = workdir / "config.json"
        if path.exists():
            _compare(workdir, json.loads(path.read_text()), plain(config), allow_change)
        replace(path, json.dumps(plain(config), indent=2) + "\n")
        yield


def _compare(workdir: Path, saved: dict[str, Any], now: dict[str, Any], allowed: bool) -> None:
    before, after = dict(flatten(saved)), dict(flatten(now))
    keys = [k for k in {**before, **after} if before.get(k) != after.get(k) and k not in FREE]
    if keys and not allowed:
        rows = "\n".join(f"  {k}: {before.get(k)} there, {after.get(k)} now" for k in keys)
        raise ConfigError(
            f"--workdir={workdir} holds a run with another config:\n{rows}\n"
            f"Use another --workdir, or --allow_config_change to continue that run with these values."
        )


def plain(config: ConfigDict) -> dict[str, Any]:
    """The config as JSON values."""
    return json.loads(json.dumps(config.to_dict()))


def saved_config(workdir: Path) -> dict[str, Any]:
    """The config of the run in `workdir`.

    Raises:
        ConfigError: there is no run.
    """
    path = workdir / "config.json"
    if not path.is_file():
        raise ConfigError(f"--workdir={workdir}: expected a run there, found no {path}")
    return json.loads(path.read_text())


def replace(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


@contextlib.contextmanager
def attempt(workdir: Path, start_step: int) -> Iterator[dict[str, Any]]:
    """Notes an attempt in attempts.jsonl: its start now, its end and exit code when it leaves.

    The body sets `step` in the yielded record. A killed attempt has no end.
    """
    path = workdir / "attempts.jsonl"
    record: dict[str, Any] = {"step": start_step}

    def note(event: str, **more: Any) -> None:
        line = {"event": event, "time": time.time(), "step": record["step"], **more}
        with path.open("a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")

    note("start", host=socket.gethostname(), pid=os.getpid())
    code = 1
    try:
        yield record
        code = 0
    except UserError as e:
        code = e.code
        raise
    finally:
        note("end", code=code)
