"""A run's directory: its lock, its config and its attempts."""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from inception_jax.config import RULES, Config, flatten, ordered
from inception_jax.errors import ConfigError, UserError, writing
from inception_jax.runtime import distributed
from inception_jax.workdir import atomic, disk_space, jsonl

# Keys with which a run may be continued under another value.
FREE = (
    "checkpoint.keep", "checkpoint.keep_best", "checkpoint.keep_every_epochs",
    "data.threads", "data.processes", "data.cache", "data.dir",
    "log.tensorboard", "log.track", "log.monitors", "log.profile",
    "mesh.data", "mesh.model", "mesh.zero",
    "train.on_divergence", "train.recompute", "train.rollbacks", "train.rollback_factor",
    "train.vmem", "train.watchdog",
)  # fmt: skip


def check(workdir: Path, config: Config, allow_change: bool) -> None:
    """Raise what `opened` would, before JAX is imported; nothing is written."""
    parent = disk_space.existing(workdir)
    if not (parent.is_dir() and os.access(parent, os.W_OK)):
        raise ConfigError(
            f"cannot write --workdir={workdir} ({parent} is not a writable directory); make it "
            f"writable, or choose another place"
        )
    if (workdir / ".lock").is_file():
        with (workdir / ".lock").open("r+") as lock:
            _own(lock, workdir)
    if (workdir / "config.json").exists():
        _compare(workdir, saved_config(workdir), plain(config), allow_change)


@contextlib.contextmanager
def opened(workdir: Path, config: Config, allow_change: bool) -> Iterator[None]:
    """Own `workdir` for one attempt: create it, lock it, compare or save its config.

    Raises:
        ConfigError: another process runs in it, or it belongs to another config.
    """
    with writing(f"--workdir={workdir}"):
        workdir.mkdir(parents=True, exist_ok=True)
        lock = (workdir / ".lock").open("a+")
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
    """Lock the file until it is closed."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        lock.seek(0)
        raise ConfigError(
            f"--workdir={workdir}: another process is training there ({lock.read() or 'unknown'}); "
            f"wait for it, end it, or choose another --workdir"
        ) from e


def _compare(workdir: Path, saved: dict[str, Any], now: dict[str, Any], allowed: bool) -> None:
    before, after = dict(flatten(saved)), dict(flatten(now))
    keys = [k for k in {**before, **after} if before.get(k) != after.get(k) and k not in FREE]
    if keys and not allowed:
        rows = "\n".join(f"  {k}: {before.get(k)} there, {after.get(k)} now" for k in keys)
        raise ConfigError(
            f"--workdir={workdir} holds a run with another config:\n{rows}\n"
            f"Use another --workdir, or --allow_config_change to continue it with the new values."
        )


def notes(config: Config, workdir: Path) -> dict[str, Any]:
    """The values that must be equal in all processes of a job: config, code, directory."""
    local = ("data.dir", "data.threads", "data.processes", "data.cache")
    values = {k: v for k, v in flatten(plain(config)) if k not in local}
    return {**values, "workdir": str(workdir.absolute()), "code": distributed.code_digest()}


def plain(config: Config) -> dict[str, Any]:
    """Convert a config to JSON values, in the order of a page."""
    return json.loads(json.dumps(ordered(config)))


def saved_config(workdir: Path) -> dict[str, Any]:
    """Read the config of the run in `workdir`.

    Raises:
        ConfigError: there is no run, or its config.json is damaged or of another version.
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
    if different := sorted(RULES.keys() ^ dict(flatten(saved)).keys()):
        raise ConfigError(
            f"--workdir={workdir}: expected a run of this version of inception_jax, but its "
            f"config.json has other keys ({', '.join(different[:3])}); start a new --workdir"
        )
    return saved


@contextlib.contextmanager
def attempt(workdir: Path, start_step: int) -> Iterator[dict[str, Any]]:
    """Append the start of an attempt to attempts.jsonl, and its end and exit code afterwards.

    The body sets `step`, and other values to record, in the yielded dict. A killed attempt has no
    end; one that another thread ends (`distributed.abort_all`) has.
    """
    path = workdir / "attempts.jsonl"
    record: dict[str, Any] = {"step": start_step}

    def note(event: str, **more: Any) -> None:
        jsonl.append(path, {"event": event, "time": time.time(), **record, **more})

    # A killed attempt has no end: its last metrics, which `drop_after` may remove, give the time.
    last = jsonl.last(workdir / "metrics.jsonl", jsonl.METRICS)
    before = {"previous_end": last["time"], "previous_step": last["step"]} if last else {}
    note("start", host=socket.gethostname(), pid=os.getpid(), **before)
    distributed.before_exit(lambda code: note("end", code=code))
    code = 1
    try:
        with writing(resumes="resumes from the last complete checkpoint"):
            yield record
        code = 0
    except UserError as e:
        code = e.code
        raise
    except Exception:
        distributed.listen_for_cause()
        raise
    finally:
        with contextlib.suppress(OSError):  # a full disk: the error that ends the attempt says so
            note("end", code=code)
