"""Where an attempt's numbers come from: command line, code, versions, devices, training set."""

import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from inception_jax import __version__

PACKAGE = Path(__file__).parents[1]
VERSIONS = ("jax", "jaxlib", "flax")
PROGRAMS = ("inception-jax", "__main__.py")  # how the command line is started


def facts(devices: Sequence[Any], images: int, classes: int, dialect: str) -> dict[str, Any]:
    """What the start of an attempt records; environment variables are not read.

    Args:
        devices: JAX's, of all processes.
        images: of the training set.
        classes: of the training set.
        dialect: the network's, which the config need not name.
    """
    return {
        "command": command_line(sys.argv),
        **revision(),
        "versions": {"python": platform.python_version(), **versions()},
        "devices": {"kind": devices[0].device_kind, "count": len(devices)},
        "data": {"images": images, "classes": classes},
        "dialect": dialect,
    }


def command_line(argv: Sequence[str]) -> str:
    """The words of a process as a shell takes them, `inception-jax` by that name."""
    program, *words = argv or [""]
    name = "inception-jax" if Path(program).name in PROGRAMS else program
    return shlex.join([name, *words])


def versions() -> dict[str, str]:
    """The installed versions of the packages that compute, and of this one."""
    found = {}
    for name in VERSIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {**found, "inception_jax": __version__}


def revision() -> dict[str, Any]:
    """`git`, the commit of the code, and `changed`, if a file differs; empty without a checkout."""
    if not (PACKAGE.parent / ".git").exists() or not shutil.which("git"):
        return {}
    line = ["git", "describe", "--always", "--exclude=*", "--dirty"]
    try:
        done = subprocess.run(line, cwd=PACKAGE.parent, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    commit, dirty, _ = done.stdout.strip().partition("-dirty")
    return {"git": commit, "changed": bool(dirty)} if done.returncode == 0 else {}
