"""The scale of a regression's targets: read and write targets.json, mean and deviation of each."""

import contextlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from inception_jax.errors import ConfigError
from inception_jax.workdir import atomic, reading

FILE = "targets.json"


class TargetScale(NamedTuple):
    """Mean and standard deviation of each target in the training split, float64 [t].

    The network's outputs are standardised targets. A target that does not vary has deviation 1.
    """

    mean: np.ndarray
    std: np.ndarray

    def standardised(self, values: np.ndarray) -> np.ndarray:
        """Targets [..., t] as the network learns them."""
        return (values - self.mean) / self.std

    def original(self, outputs: np.ndarray) -> np.ndarray:
        """The network's outputs [..., t] in the units of the targets, float64."""
        return np.asarray(outputs, np.float64) * self.std + self.mean


def of(targets: np.ndarray) -> TargetScale:
    """The scale of targets [n, t]."""
    std = targets.std(axis=0)
    return TargetScale(targets.mean(axis=0), np.where(std > 0, std, 1.0))


def write(workdir: Path, scale: TargetScale | None, allow_change: bool) -> None:
    """Write the scale of a run's targets, or compare it with that of an earlier attempt.

    Raises:
        ConfigError: the targets have another one than then.
    """
    if scale is None:
        return
    before = None
    with contextlib.suppress(FileNotFoundError):
        before = read(workdir)
    same = before is None or np.allclose(before, scale, rtol=1e-12, atol=0)
    if not (same or allow_change):
        raise ConfigError(
            f"--workdir={workdir}: expected the targets with which this run began, whose mean and "
            f"deviation are in {workdir / FILE}, but data.labels has others; put the file back, or "
            f"give --allow_config_change to continue with these"
        )
    values = {"mean": scale.mean.tolist(), "std": scale.std.tolist()}
    atomic.write_text(workdir / FILE, json.dumps(values, indent=2) + "\n")


def read(workdir: Path) -> TargetScale:
    """Read the scale of a run's targets.

    Raises:
        FileNotFoundError: the run has none.
        ConfigError: the file is damaged.
    """
    path = workdir / FILE
    try:
        found = reading.json_file(path, dict)
        mean, std = (np.array(found[key], np.float64) for key in ("mean", "std"))
        if mean.ndim != 1 or mean.shape != std.shape or not (std > 0).all():
            raise ValueError("expected two lists of numbers")
        return TargetScale(mean, std)
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, TypeError) as e:
        raise ConfigError(
            f"{path} is damaged ({e}), expected mean and deviation of the targets; put a copy of "
            f"it there"
        ) from e


def of_run(workdir: Path, task: str) -> TargetScale | None:
    """The scale of the targets of a run with this task; None for one whose targets have none.

    Raises:
        ConfigError: a regression has no targets.json.
    """
    if task != "regression":
        return None
    try:
        return read(workdir)
    except FileNotFoundError as e:
        raise ConfigError(
            f"--workdir={workdir}: expected {FILE} of a run with data.task=regression; put a copy "
            f"of it there"
        ) from e
