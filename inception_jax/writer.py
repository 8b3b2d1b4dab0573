"""Where a run's numbers go: metrics.jsonl, TensorBoard, and a tracker if asked for."""

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Writer:
    """Appends lines of scalars; what is written is on the disk when `write` returns."""

    def __init__(self, workdir: Path, *, resume_at: int, tensorboard: bool, track: str):
        self._path = workdir / "metrics.jsonl"
        drop_after(self._path, resume_at)
        self._file = self._path.open("a", encoding="utf-8")
        self._sinks: list[Callable[[dict[str, Any]], None]] = []
        if tensorboard:
            from tensorboardX import SummaryWriter

            self._events = SummaryWriter(str(workdir / "tensorboard"), purge_step=resume_at + 1)
            self._sinks.append(self._to_tensorboard)
        if track != "none":
            self._sinks.append(tracker(track, workdir))

    def write(self, step: int, epoch: float, split: str, values: dict[str, Any]) -> None:
        """One line: step, epoch, time in seconds since 1970, split, and the values."""
        line = {"step": step, "epoch": epoch, "time": time.time(), "split": split, **values}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for sink in self._sinks:
            sink(line)

    def _to_tensorboard(self, line: dict[str, Any]) -> None:
        for key, value in line.items():
            if isinstance(value, int | float) and key not in ("step", "time"):
                tag = f"{line['split']}/{key}"
                self._events.add_scalar(tag, value, line["step"], walltime=line["time"])
        self._events.flush()

    def close(self) -> None:
        """Closes the files."""
        self._file.close()
        if self._to_tensorboard in self._sinks:
            self._events.close()


def drop_after(path: Path, step: int) -> None:
    """Drops the lines after `step`, and a last line cut by a kill; the file is replaced whole.

    A resumed run writes those steps again, with the same values.
    """
    if not path.exists():
        return
    kept = [line for line in read_lines(path) if line["step"] <= step]
    partial = path.with_suffix(".partial")
    partial.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
    os.replace(partial, path)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file; a last line that was cut is left out."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            break
    return lines


def tracker(name: str, workdir: Path) -> Callable[[dict[str, Any]], None]:
    """A function that sends a line to Weights & Biases or MLflow (extra `track`)."""
    run = str(workdir.resolve())

    def scalars(line: dict[str, Any]) -> dict[str, float]:
        keep = {k: v for k, v in line.items() if isinstance(v, int | float) and math.isfinite(v)}
        return {f"{line['split']}/{k}": v for k, v in keep.items() if k not in ("step", "time")}

    try:
        if name == "wandb":
            import wandb  # pyright: ignore[reportMissingImports]

            wandb.init(project="inception_jax", name=workdir.name, id=_slug(run), resume="allow")
            return lambda line: wandb.log(scalars(line), step=line["step"])
        import mlflow  # pyright: ignore[reportMissingImports]
    except ImportError as e:
        from inception_jax.errors import ConfigError

        raise ConfigError(
            f"--config.log.track={name}: the package is not installed; "
            f"pip install 'inception-jax[track]'"
        ) from e
    mlflow.set_experiment("inception_jax")
    mlflow.start_run(run_name=workdir.name)
    return lambda line: mlflow.log_metrics(scalars(line), step=line["step"])


def _slug(path: str) -> str:
    import hashlib

    return hashlib.sha256(path.encode()).hexdigest()[:16]
