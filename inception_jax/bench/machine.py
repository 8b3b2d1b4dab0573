"""What the figures are of: the processor, its cores, the device, and the versions of what runs."""

import os
import platform
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

LOOK = 1.0  # seconds
PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy")


def host() -> dict[str, str | int]:
    """Processor, cores that this process may use, system, and versions by package."""
    return {
        "cpu": _processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in PACKAGES},
    }


def cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> float:
    """Cores that are at work now, with whatever it is; 0 where nobody counts them.

    Not the system's load, which remembers for a minute what has ended: a bench before this one.
    """
    before = _ticks()
    time.sleep(LOOK)
    idle, total = (b - a for a, b in zip(before, _ticks(), strict=True))
    return (os.cpu_count() or 1) * (1 - idle / total) if total else 0.0


def _ticks() -> tuple[int, int]:
    """Of all cores together since the system began: idle ones, and all; Linux's count."""
    try:
        words = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    except OSError:
        return 0, 0
    ticks = [int(w) for w in words]  # user, nice, system, idle, iowait, irq, softirq, steal
    return ticks[3] + ticks[4], sum(ticks)


def disturbed(found: Mapping[str, Any]) -> str:
    """What is to be said of a record that was made beside other work; empty if it was not."""
    load, cores = found["load"], found["machine"]["cores"]
    if load <= cores / 4:
        return ""
    return (
        f"made beside other work (load {load:g} on {cores} cores), which slows some programs far "
        f"more than others: to be measured again on a quiet machine"
    )


def _processor() -> str:
    """Its name, as the system gives it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(errors="replace").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
