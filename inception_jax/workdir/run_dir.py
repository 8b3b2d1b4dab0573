"""A run's directory: held while it is written to; its lock, its config and its attempts."""

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inception_jax.config import RULES, Config, completed, flatten, ordered
from inception_jax.errors import ConfigError, UserError, writing
from inception_jax.runtime import distributed
from inception_jax.workdir import atomic, disk_space, jsonl, reading

LOCK, CONFIG = ".lock", "config.json"

# Keys with which a run may be continued under another value.
FREE = (
    "checkpoint.keep", "checkpoint.keep_best", "checkpoint.keep_every_epochs",
    "data.threads", "data.processes", "data.cache", "data.dir", "data.labels",
    "log.tensorboard", "log.track", "log.monitors", "log.profile",
    "mesh.data", "mesh.model", "mesh.zero",
    "train.on_divergence", "train.recompute", "train.rollbacks", "train.rollback_factor",
    "train.vmem", "train.watchdog",
)  # fmt: skip

# Keys that are counted from the data where they are auto; a run's config has the number.
COUNTED = ("data.classes", "model.num_classes")
# Keys that a run computes if they are empty: those that it began with hold then.
COMPUTED = ("model.mean", "model.std")

# Schedules whose rate at a step does not depend on train.epochs, which may then be raised.
ENDLESS = ("constant", "staircase", "exponential", "piecewise")


class RunDir:
    """A directory and what is held of it: the inodes that its names had when they were opened.

    Args:
        path: its name; nothing is held of it yet, and `check` accepts anything.
    """

    def __init__(self, path: Path):
        self.path = path
        self._held: dict[Path, tuple[int, os.stat_result]] = {}
        self._exist: list[Path] = []

    def hold(self, name: str = "", flags: int = os.O_RDONLY | os.O_DIRECTORY) -> int:
        """Open the directory, or a file of it, and keep it open; returns the descriptor.

        So the number of its inode is not given to another one that takes its name.
        """
        path = self.path / name
        handle = os.open(path, flags, 0o666)
        self._held[path] = handle, os.fstat(handle)
        return handle

    def require(self, name: str) -> None:
        """Let `check` refuse if a file is missing."""
        self._exist.append(self.path / name)

    def check(self) -> None:
        """Return if every name still leads to what was opened; call it before anything is written.

        Raises:
            ConfigError: the directory or a file of it was removed, renamed or replaced.
        """
        lost = [path for path, (_, stat) in self._held.items() if not _is_same(path, stat)]
        lost += [path for path in self._exist if not path.exists()]
        if lost:
            raise ConfigError(
                f"--workdir={self.path}: expected the directory that this command opened, but "
                f"{min(lost)} was removed, renamed or replaced meanwhile; nothing more is written "
                f"there. Put it back, or choose another --workdir, and run the same command again"
            )

    def close(self) -> None:
        """Release what is held, locks included."""
        while self._held:
            os.close(self._held.popitem()[1][0])


def _is_same(path: Path, stat: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), stat)
    except OSError as e:
        if e.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ELOOP):
            return False
        raise


def check(workdir: Path, config: Config, allow_change: bool) -> None:
    """Raise what `opened` would, before JAX is imported; nothing is written."""
    parent = disk_space.existing(workdir)
    if not (parent.is_dir() and os.access(parent, os.W_OK)):
        raise ConfigError(
            f"cannot write --workdir={workdir} ({parent} is not a writable directory); make it "
            f"writable, or choose another place"
        )
    if workdir.is_dir():
        with contextlib.closing(RunDir(workdir)) as held, writing(f"--workdir={workdir}"):
            _lock(held.hold(), workdir, optional=True)
            if (workdir / LOCK).is_file():
                _lock(held.hold(LOCK, os.O_RDWR), workdir)
    if (workdir / CONFIG).exists():
        _compare(workdir, saved_config(workdir), plain(config), allow_change)


@contextlib.contextmanager
def opened(workdir: Path, config: Config, allow_change: bool) -> Iterator[RunDir]:
    """Own `workdir` for one attempt: create it, hold and lock it, compare or save its config.

    Raises:
        ConfigError: another process runs in it, or it belongs to another config.
    """
    with contextlib.closing(RunDir(workdir)) as held:
        with writing(f"--workdir={workdir}"):
            workdir.mkdir(parents=True, exist_ok=True)
            lock = held.hold(LOCK, os.O_RDWR | os.O_CREAT)
            directory = held.hold()
        # The file's lock is for file systems that lock no directories; both, as it may be removed.
        _lock(directory, workdir, optional=True)
        _lock(lock, workdir)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        path = workdir / CONFIG
        if path.exists():
            _compare(workdir, saved_config(workdir), plain(config), allow_change)
        atomic.write_text(path, json.dumps(plain(config), indent=2) + "\n")
        held.require(CONFIG)
        yield held


def _lock(handle: int, workdir: Path, optional: bool = False) -> None:
    """Lock a file or a directory until it is closed; `optional`: where the file system can."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        owner = "unknown"
        with contextlib.suppress(OSError):
            owner = (workdir / LOCK).read_text(errors="replace") or owner
        raise ConfigError(
            f"--workdir={workdir}: another process is training there ({owner}); "
            f"wait for it, end it, or choose another --workdir"
        ) from e
    except OSError:
        if not optional:
            raise


def _compare(workdir: Path, saved: dict[str, Any], now: dict[str, Any], allowed: bool) -> None:
    before, after = dict(flatten(saved)), dict(flatten(now))
    counted = (k for k in COUNTED if after.get(k) == RULES[k].auto)
    free = (*FREE, *counted, *(k for k in COMPUTED if not after.get(k)))
    keys = [k for k in {**before, **after} if before.get(k) != after.get(k) and k not in free]
    hint = _length(before, after, workdir) if "train.epochs" in keys else ""
    if "train.epochs" in keys and not hint:
        keys.remove("train.epochs")
    if keys and not allowed:
        rows = "\n".join(f"  {k}: {before.get(k)} there, {after.get(k)} now" for k in keys)
        raise ConfigError(
            f"--workdir={workdir} holds a run with another config:\n{rows}\n{hint}"
            f"Use another --workdir, or --allow_config_change to continue it with the new values."
        )


def _length(before: dict[str, Any], after: dict[str, Any], workdir: Path) -> str:
    """Why a run may not get another `train.epochs`; empty if it may."""
    if after["train.epochs"] < before["train.epochs"]:
        return "A run can be made longer, not shorter.\n"
    if (name := before["optim.schedule"]) in ENDLESS:
        return ""
    return (
        f"optim.schedule={name} depends on train.epochs: its past rates would have been others. To "
        f"go on from its weights: --config.checkpoint.init={workdir} with another --workdir.\n"
    )


def notes(config: Config, workdir: Path) -> dict[str, Any]:
    """The values that must be equal in all processes of a job: config, code, directory."""
    local = ("data.dir", "data.labels", "data.threads", "data.processes", "data.cache")
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
    path = workdir / CONFIG
    try:
        saved = reading.json_file(path, dict)
        saved = completed(saved)
    except FileNotFoundError as e:
        raise ConfigError(
            f"--workdir={workdir}: expected a directory that `inception-jax train` made, found no "
            f"{path}"
        ) from e
    except (ValueError, RecursionError) as e:
        raise ConfigError(
            f"--workdir={workdir}: {path} is damaged ({e}); put a copy of it there, or remove it "
            f"and run the same `train` command again, which writes it and resumes"
        ) from e
    if different := sorted(RULES.keys() ^ dict(flatten(saved)).keys()):
        raise ConfigError(
            f"--workdir={workdir}: expected a run of this version of inception_jax, but its "
            f"config.json has other keys ({', '.join(different[:3])}); start a new --workdir"
        )
    saved = ordered(saved)
    for key, value in flatten(saved):
        if not RULES[key].fits(value):
            raise ConfigError(
                f"{path} is damaged ({key}: expected {RULES[key].expected}, found {value!r:.40}); "
                f"put a copy of it there"
            )
    return saved


@contextlib.contextmanager
def attempt(held: RunDir, start_step: int, **origin: Any) -> Iterator[dict[str, Any]]:
    """Append the start of an attempt to attempts.jsonl, and its end and exit code afterwards.

    The start has the facts of `origin`. The body sets `step`, and other values to record, in the
    yielded dict. A killed attempt has no end, nor one whose directory is lost or full; one that
    another thread ends (`distributed.abort_all`) has.
    """
    path = held.path / "attempts.jsonl"
    record: dict[str, Any] = {"step": start_step}

    def note(event: str, **more: Any) -> None:
        held.check()
        jsonl.append(path, {"event": event, "time": time.time(), **record, **more})

    def note_end(code: int) -> None:
        with contextlib.suppress(OSError, ConfigError):  # the exit code is what counts
            note("end", code=code)

    # A killed attempt has no end: its last metrics, which `drop_after` may remove, give the time.
    last = jsonl.last(held.path / "metrics.jsonl", jsonl.METRICS)
    before = {"previous_end": last["time"], "previous_step": last["step"]} if last else {}
    note("start", host=socket.gethostname(), pid=os.getpid(), **before, **origin)
    distributed.before_exit(note_end)
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
        note_end(code)
