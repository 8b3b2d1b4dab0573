"""Tests where a run's numbers go: metrics.jsonl, TensorBoard, and the trackers."""

import json
import os
import sys
import types
from pathlib import Path

import pytest

from inception_jax.errors import ConfigError
from inception_jax.workdir import jsonl
from inception_jax.workdir.metric_writer import Writer, check_tracker
from inception_jax.workdir.run_dir import RunDir


def write(workdir, steps, resume_at=0, value=0.0, **options):
    options = {"tensorboard": False, "track": "none", **options}
    writer = Writer(RunDir(workdir), resume_at=resume_at, **options)
    for step in steps:
        writer.write(step, step / 10, "train", {"loss": value + step, "weights": "raw"})
    writer.close()


def test_lines_are_there_at_once(tmp_path):
    """A line can be read while the run goes on, with its five fields first."""
    writer = Writer(RunDir(tmp_path), resume_at=0, tensorboard=False, track="none")
    writer.write(3, 0.5, "test", {"loss": 1.5, "weights": "ema"})
    line = json.loads((tmp_path / "metrics.jsonl").read_text())
    assert list(line) == ["step", "epoch", "time", "split", "loss", "weights"]
    assert (line["step"], line["epoch"], line["split"], line["loss"]) == (3, 0.5, "test", 1.5)
    writer.close()


def test_a_resumed_run_writes_its_steps_once(tmp_path):
    """Lines after the restored step go, those before it stay as they were."""
    write(tmp_path, range(1, 8))
    before = (tmp_path / "metrics.jsonl").read_bytes().splitlines()
    write(tmp_path, range(5, 8), resume_at=4)
    lines = jsonl.read(tmp_path / "metrics.jsonl")
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6, 7]
    assert (tmp_path / "metrics.jsonl").read_bytes().splitlines()[:4] == before[:4]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_reads_it_back(tmp_path):
    """TensorBoard sees each number of each step once, the resumed run's where both wrote it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write(tmp_path, range(1, 8), tensorboard=True)
    write(tmp_path, range(5, 9), resume_at=4, value=100.0, tensorboard=True)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"train/loss", "train/epoch"}
    seen = [(e.step, e.value) for e in events.Scalars("train/loss")]
    assert seen == [(s, float(s)) for s in range(1, 5)] + [(s, 100.0 + s) for s in range(5, 9)]


class Calls(types.ModuleType):
    """A module that notes every call of its functions."""

    def __init__(self, name: str):
        super().__init__(name)
        self.calls: list[tuple] = []

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args, **kwargs):
            self.calls.append((name, args, kwargs))
            return types.SimpleNamespace(info=types.SimpleNamespace(run_id="abc"))

        return call

    def of(self, name: str) -> list[tuple]:
        return [(args, kwargs) for called, args, kwargs in self.calls if called == name]


@pytest.fixture
def fake(monkeypatch):
    """Puts a fake package where a tracker imports it from: fake(name) -> Calls."""

    def make(name: str) -> Calls:
        module = Calls(name)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return make


def test_wandb(tmp_path, fake):
    """Numbers with their split and step, one run a workdir, ended; resumed under the same id."""
    wandb = fake("wandb")
    write(tmp_path / "..", [], track="wandb")
    write(tmp_path, [1, 2], track="wandb")
    write(tmp_path, [3], resume_at=2, track="wandb")
    other, first, second = (kwargs for _, kwargs in wandb.of("init"))
    assert first["id"] == second["id"] != other["id"]
    assert (first["project"], first["name"], first["resume"]) == (
        "inception_jax", tmp_path.name, "allow",
    )  # fmt: skip
    sent = [({"train/epoch": s / 10, "train/loss": float(s)}, s) for s in (1, 2, 3)]
    assert [(args[0], kwargs["step"]) for args, kwargs in wandb.of("log")] == sent
    assert len(wandb.of("finish")) == 3


def test_mlflow(tmp_path, fake):
    """As for wandb; MLflow chooses the run's id, so a resumed run reads it from the workdir."""
    mlflow = fake("mlflow")
    write(tmp_path, [1], track="mlflow")
    write(tmp_path, [2], resume_at=1, track="mlflow")
    starts = [kwargs for _, kwargs in mlflow.of("start_run")]
    assert starts == [
        {"run_id": None, "run_name": tmp_path.name}, {"run_id": "abc", "run_name": None},
    ]  # fmt: skip
    assert [kwargs["step"] for _, kwargs in mlflow.of("log_metrics")] == [1, 2]
    assert mlflow.calls[0] == ("set_experiment", ("inception_jax",), {})
    assert len(mlflow.of("end_run")) == 2


def test_a_tracker_gets_finite_numbers_only(tmp_path, fake):
    """Texts and non-finite numbers, which trackers refuse, stay in metrics.jsonl."""
    wandb = fake("wandb")
    writer = Writer(RunDir(tmp_path), resume_at=0, tensorboard=False, track="wandb")
    writer.write(1, 0.1, "test", {"loss": float("nan"), "top1": 0.5, "weights": "ema"})
    writer.close()
    assert wandb.of("log")[0][0][0] == {"test/epoch": 0.1, "test/top1": 0.5}


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_tracker(tmp_path, name, monkeypatch):
    """The message has the key and the extra to install."""
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=rf"log.track={name}.*inception-jax\[track\]"):
        Writer(RunDir(tmp_path), resume_at=0, tensorboard=False, track=name)
    check_tracker("none")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_numbers_by_block(tmp_path):
    """A line of monitors is kept whole, dropped on resuming, and a scalar a block elsewhere."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    noted = {"residual_ratio": {"block8_4": 0.5}, "dead_relu": {"block8_4": 0.25, "conv_1a": 0.0}}
    writer = Writer(RunDir(tmp_path), resume_at=0, tensorboard=True, track="none")
    for step in (1, 2):
        writer.write(step, step / 10, "monitors", noted)
    writer.close()
    for line in jsonl.read(tmp_path / "metrics.jsonl"):
        assert {k: line[k] for k in noted} == noted
    jsonl.drop_after(tmp_path / "metrics.jsonl", 1)
    assert [x["step"] for x in jsonl.read(tmp_path / "metrics.jsonl")] == [1]
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    blocks = {"residual_ratio/block8_4", "dead_relu/block8_4", "dead_relu/conv_1a"}
    assert set(events.Tags()["scalars"]) == blocks | {"monitors/epoch"}
    assert [e.value for e in events.Scalars("dead_relu/block8_4")] == [0.25, 0.25]


def test_tensorboard_on_a_full_disk(tmp_path):
    """The line that does not fit raises, in the thread that trains; so does an unwritable place."""
    writer = Writer(tmp_path, resume_at=0, tensorboard=True, track="none")
    (events,) = (tmp_path / "tensorboard").iterdir()
    full = os.open("/dev/full", os.O_WRONLY)
    file = next(h for h in Path("/proc/self/fd").iterdir() if h.exists() and h.samefile(events))
    os.dup2(full, int(file.name))
    os.close(full)
    with pytest.raises(OSError, match=r"No space left on device: '.*tensorboard'"):
        writer.write(1, 0.5, "train", {"loss": 1.0})
    with pytest.raises(OSError, match="No space left on device"):
        writer.close()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "tensorboard").touch()
    with pytest.raises(OSError, match="tensorboard"):
        Writer(tmp_path / "b", resume_at=0, tensorboard=True, track="none")
