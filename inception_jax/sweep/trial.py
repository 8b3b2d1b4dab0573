"""A trial: the overrides of a config page, and the run directory that they name."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inception_jax.sweep import grid

# States of a trial, in the order of `sweep status`.
DONE, PRUNED, RUNNING = "done", "pruned", "running"
STOPPED, WAITING, FAILED = "stopped", "waiting", "failed"


@dataclass(frozen=True)
class Trial:
    """One run of a sweep.

    Attributes:
        index: number of the trial.
        overrides: values by config key.
        folder: directory of the run.
        command: the words after `inception-jax` that train it.
        outcome: of a search: complete, pruned or fail, once the worker has reported it; else empty.
        why: reason of the outcome.
    """

    index: int
    overrides: dict[str, Any]
    folder: Path
    command: tuple[str, ...]
    outcome: str = ""
    why: str = ""


def digest(config: dict[str, Any]) -> str:
    """Eight hexadecimal digits that identify a config."""
    text = json.dumps(config, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def flags(page: str, base: list[str], overrides: dict[str, Any]) -> list[str]:
    """The flags that build a trial's config: those that all trials share, then its own."""
    return [f"--config={page}", *base, *(grid.flag(key, v) for key, v in overrides.items())]


def text(overrides: dict[str, Any]) -> str:
    """Overrides as text: `optim.lr=0.1 seed=2`."""
    return " ".join(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}"
                    for k, v in overrides.items()) or "(no overrides)"  # fmt: skip
