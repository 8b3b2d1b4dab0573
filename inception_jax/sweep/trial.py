"""A trial: some overrides of a page, the run that they name, and how far that run is."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inception_jax.sweep import grid

# In the order in which a person wants to see them.
DONE, PRUNED, RUNNING = "done", "pruned", "running"
STOPPED, WAITING, FAILED = "stopped", "waiting", "failed"


@dataclass(frozen=True)
class Trial:
    """One run of a sweep.

    Attributes:
        index: its number.
        overrides: of the page, by key.
        folder: the run's directory.
        command: the words after `inception-jax` that train it.
        told: what a search's worker told the study: complete, pruned or fail; empty before.
        why: it told that.
    """

    index: int
    overrides: dict[str, Any]
    folder: Path
    command: tuple[str, ...]
    told: str = ""
    why: str = ""


def digest(config: dict[str, Any]) -> str:
    """Eight hexadecimal digits that name a config: the same config is the same trial."""
    text = json.dumps(config, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def command(page: str, base: list[str], overrides: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """The words that train a trial.

    Args:
        page: with its argument.
        base: overrides that all trials share, as flags.
        overrides: the trial's own.
        folder: the run's directory.
    """
    own = [grid.flag(key, value) for key, value in overrides.items()]
    return ("train", f"--config={page}", f"--workdir={folder}", *base, *own)


def text(overrides: dict[str, Any]) -> str:
    """Overrides for a person: `optim.lr=0.1 seed=2`."""
    return " ".join(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}"
                    for k, v in overrides.items()) or "(the page as it is)"  # fmt: skip
