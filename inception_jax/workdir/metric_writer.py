"""Write a run's metrics to metrics.jsonl, TensorBoard and a tracker."""

import hashlib
import importlib.util
import math
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inception_jax.errors import ConfigError
from inception_jax.workdir import atomic, jsonl
from inception_jax.workdir.run_dir import RunDir

Send = Callable[[dict[str, Any]], None]  # a line of scalars


class Writer:
    """Appends lines of scalars; a line survives the process once `write` has returned."""

    def __init__(self, held: RunDir, *, resume_at: int, tensorboard: bool, track: str):
        check_tracker(track)
        held.check()
        self._held, workdir = held, held.path
        self._path = workdir / "metrics.jsonl"
        jsonl.drop_after(self._path, resume_at)
        self._sinks: list[Send] = []
        self._endings: list[Callable[[], Any]] = []
        if tensorboard:
            events = _Events(workdir / "tensorboard", resume_at)
            self._sinks.append(events.write)
            self._endings.append(events.close)
        if track != "none":
            send, end = (_wandb if track == "wandb" else _mlflow)(workdir)
            self._sinks.append(send)
            self._endings.append(end)

    def write(self, step: int, epoch: float, split: str, values: dict[str, Any]) -> None:
        """Write a line: step, epoch, time in seconds since 1970, split, and the values."""
        self._held.check()
        line = {"step": step, "epoch": epoch, "time": time.time(), "split": split, **values}
        jsonl.append(self._path, line)
        for sink in self._sinks:
            sink(line)

    def close(self) -> None:
        """Close the files and end the tracker's run."""
        for end in self._endings:
            end()


class _Events:
    """TensorBoard's event file, written at once: tensorboardX's thread would hide a full disk."""

    def __init__(self, folder: Path, resume_at: int):
        from tensorboardX.proto import event_pb2, summary_pb2
        from tensorboardX.record_writer import RecordWriter

        self._folder, self._new, self._summary = folder, event_pb2.Event, summary_pb2.Summary
        # By second and host as TensorBoard expects; by step too, to replace no earlier attempt's.
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{resume_at}"
        # TensorBoard then drops the steps after it of an earlier attempt.
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        with atomic.naming(folder):
            folder.mkdir(exist_ok=True)
            self._file = RecordWriter(str(folder / name))
        self._write(wall_time=time.time(), file_version="brain.Event:2")
        self._write(wall_time=time.time(), step=resume_at + 1, session_log=start)

    def write(self, line: dict[str, Any]) -> None:
        """Write a line's scalars."""
        values = [self._summary.Value(tag=t, simple_value=x) for t, x in scalars(line).items()]
        summary = self._summary(value=values)
        self._write(step=line["step"], wall_time=line["time"], summary=summary)

    def _write(self, **fields: Any) -> None:
        with atomic.naming(self._folder):
            self._file.write(self._new(**fields).SerializeToString())
            self._file.flush()

    def close(self) -> None:
        """Close the file; its lines are on the disk."""
        with atomic.naming(self._folder):
            self._file.close()


def check_tracker(track: str) -> None:
    """Refuse a tracker whose package is missing, before a run's directory is created.

    Raises:
        ConfigError: names the extra to install.
    """
    if track == "none" or track in sys.modules or importlib.util.find_spec(track):
        return
    raise ConfigError(
        f"--config.log.track={track}: expected the package {track}, which is not installed; "
        f"pip install 'inception-jax[track]', or --config.log.track=none"
    )


# Each starts a run, or resumes that of the workdir, and returns how to send a line, and to end.
def _wandb(workdir: Path) -> tuple[Send, Callable[[], Any]]:
    import wandb  # pyright: ignore[reportMissingImports]

    run = hashlib.sha256(str(workdir.resolve()).encode()).hexdigest()[:16]
    wandb.init(project="inception_jax", name=workdir.name, id=run, resume="allow")
    return lambda line: wandb.log(_finite(line), step=line["step"]), wandb.finish


def _mlflow(workdir: Path) -> tuple[Send, Callable[[], Any]]:
    import mlflow  # pyright: ignore[reportMissingImports]

    mlflow.set_experiment("inception_jax")
    path = workdir / "mlflow_run"  # MLflow chooses the id
    run_id = path.read_text().strip() if path.exists() else None
    run = mlflow.start_run(run_id=run_id, run_name=None if run_id else workdir.name)
    path.write_text(run.info.run_id)
    return lambda line: mlflow.log_metrics(_finite(line), step=line["step"]), mlflow.end_run


def scalars(line: dict[str, Any]) -> dict[str, float]:
    """Map tags to the numbers of a line: `train/loss`, by block `residual_ratio/block8_4`."""
    tags = {}
    for key, value in line.items():
        if isinstance(value, dict):
            tags |= {f"{key}/{name}": number for name, number in value.items()}
        elif isinstance(value, int | float) and key not in ("step", "time"):
            tags[f"{line['split']}/{key}"] = value
    return tags


def _finite(line: dict[str, Any]) -> dict[str, float]:
    return {tag: value for tag, value in scalars(line).items() if math.isfinite(value)}
