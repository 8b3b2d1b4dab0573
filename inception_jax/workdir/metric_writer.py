"""Where a run's numbers go: metrics.jsonl, TensorBoard, and a tracker if asked for."""

import hashlib
import importlib.util
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inception_jax.errors import ConfigError
from inception_jax.workdir import jsonl


class Writer:
    """Appends lines of scalars; what is written survives the process when `write` returns."""

    def __init__(self, workdir: Path, *, resume_at: int, tensorboard: bool, track: str):
        check_tracker(track)
        self._path = workdir / "metrics.jsonl"
        jsonl.drop_after(self._path, resume_at)
        self._file = self._path.open("a", encoding="utf-8")
        self._sinks: list[Callable[[dict[str, Any]], None]] = []
        self._endings: list[Callable[[], Any]] = [self._file.close]
        if tensorboard:
            from tensorboardX import SummaryWriter

            # The suffix: event files are named by the second, and a new one would replace the old.
            self._events = SummaryWriter(
                str(workdir / "tensorboard"),
                purge_step=resume_at + 1,
                filename_suffix=f".{resume_at}",
            )
            self._sinks.append(self._to_tensorboard)
            self._endings.append(self._events.close)
        if track != "none":
            send, end = tracker(track, workdir)
            self._sinks.append(send)
            self._endings.append(end)

    def write(self, step: int, epoch: float, split: str, values: dict[str, Any]) -> None:
        """One line: step, epoch, time in seconds since 1970, split, and the values."""
        line = {"step": step, "epoch": epoch, "time": time.time(), "split": split, **values}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for sink in self._sinks:
            sink(line)

    def _to_tensorboard(self, line: dict[str, Any]) -> None:
        for tag, value in scalars(line).items():
            self._events.add_scalar(tag, value, line["step"], walltime=line["time"])
        self._events.flush()

    def close(self) -> None:
        """Closes the files and ends the tracker's run."""
        for end in self._endings:
            end()


def check_tracker(track: str) -> None:
    """Refuses a tracker whose package is missing, before a run's directory is made.

    Raises:
        ConfigError: names the extra to install.
    """
    if track == "none" or track in sys.modules or importlib.util.find_spec(track):
        return
    raise ConfigError(
        f"--config.log.track={track}: expected the package {track}, which is not installed; "
        f"pip install 'inception-jax[track]', or --config.log.track=none"
    )


def tracker(name: str, workdir: Path) -> tuple[Callable[[dict[str, Any]], None], Callable[[], Any]]:
    """Sends lines to Weights & Biases or MLflow (extra `track`): how to send one, how to end.

    A resumed run goes on in the tracker's run of its workdir.

    The package must be there (`check_tracker`).
    """
    return (_wandb if name == "wandb" else _mlflow)(workdir)


def _wandb(workdir: Path) -> tuple[Callable[[dict[str, Any]], None], Callable[[], Any]]:
    import wandb  # pyright: ignore[reportMissingImports]

    run = hashlib.sha256(str(workdir.resolve()).encode()).hexdigest()[:16]
    wandb.init(project="inception_jax", name=workdir.name, id=run, resume="allow")
    return lambda line: wandb.log(_finite(line), step=line["step"]), wandb.finish


def _mlflow(workdir: Path) -> tuple[Callable[[dict[str, Any]], None], Callable[[], Any]]:
    import mlflow  # pyright: ignore[reportMissingImports]

    mlflow.set_experiment("inception_jax")
    kept = workdir / "mlflow_run"  # MLflow chooses the id, so it is written down
    known = kept.read_text().strip() if kept.exists() else None
    run = mlflow.start_run(run_id=known, run_name=None if known else workdir.name)
    kept.write_text(run.info.run_id)
    return lambda line: mlflow.log_metrics(_finite(line), step=line["step"]), mlflow.end_run


def scalars(line: dict[str, Any]) -> dict[str, float]:
    """The numbers of a line by tag: `train/loss`; of one by block, `residual_ratio/block8_4`."""
    found = {}
    for key, value in line.items():
        if isinstance(value, dict):
            found |= {f"{key}/{name}": number for name, number in value.items()}
        elif isinstance(value, int | float) and key not in ("step", "time"):
            found[f"{line['split']}/{key}"] = value
    return found


def _finite(line: dict[str, Any]) -> dict[str, float]:
    return {tag: value for tag, value in scalars(line).items() if math.isfinite(value)}
