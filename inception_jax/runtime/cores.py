"""The processor cores that this process may use: not those of the machine."""

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

from inception_jax.runtime import distributed


def available() -> int:
    """The cores of this process's affinity, at most as many as its cgroup's quota; at least 1."""
    return max(1, int(min(len(_affinity(0)), _quota())))


def share() -> int:
    """`available`, divided among this job's processes on this host whose affinity overlaps."""
    mine, sharers = _affinity(0), 1
    for pid in distributed.local_pids():
        if pid != os.getpid():
            try:
                sharers += bool(mine & _affinity(pid))
            except OSError:  # in another container, of which only the host's name is known
                sharers += 1
    return max(1, available() // sharers)


def _affinity(pid: int) -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(pid)
    return set(range(os.cpu_count() or 1))  # macOS has neither affinity nor cgroups


def _quota(proc: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> float:
    """The cores that the quota of this cgroup and of those above it allows; infinite without."""
    try:
        lines = proc.read_text().splitlines()
    except OSError:
        return math.inf
    return min([math.inf, *(quota for line in lines for quota in _quotas(line, root))])


def _quotas(line: str, root: Path) -> Iterator[float]:
    """The quotas along the path of one line of /proc/self/cgroup: `4:cpu,cpuacct:/a/b`."""
    _, controllers, path = line.split(":", 2)
    if not controllers:
        base, files = root, ("cpu.max",)
    elif "cpu" in controllers.split(","):
        base, files = root / "cpu", ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    else:
        return
    folder = Path(path.lstrip("/"))
    for part in (folder, *folder.parents):
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):  # `max`, or no such file
            words = " ".join((base / part / name).read_text() for name in files).split()
            quota, period = map(float, words)
            if quota > 0:  # -1: none
                yield quota / period
