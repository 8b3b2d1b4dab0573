"""Tests `inception_jax/train/step_log.py`: lines of metrics.jsonl, and steps that diverge."""

import io
import json
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from inception_jax.errors import DivergedError
from inception_jax.progress import Progress
from inception_jax.runtime.watchdog import Watchdog
from inception_jax.train.step_log import PendingStep, StepLog
from inception_jax.train.timekeeper import Timekeeper
from inception_jax.workdir import jsonl
from inception_jax.workdir.metric_writer import Writer
from inception_jax.workdir.run_dir import RunDir
from tests.tiny import Tiny, digits

BLOCKS = {"grad_norm": {"conv1": 2.0, "logits": 1.0}}


@pytest.fixture
def output():
    """What the progress line wrote."""
    return io.StringIO()


@pytest.fixture
def make(tmp_path, output):
    """A log of a run of 5 steps, two an epoch, which writes every second step."""
    writer = Writer(RunDir(tmp_path), resume_at=0, tensorboard=False, track="none")

    def make(window=None):
        program = SimpleNamespace(per_epoch=2.0, model=Tiny(), boundary=lambda stage: "")
        source = SimpleNamespace(name=lambda i: f"image {i}")
        config = digits(log__every_steps=2)
        trainer = SimpleNamespace(config=config, program=program, source=source, total=5, stage=str)
        clock, bar = Timekeeper(0.0, Watchdog(0, tmp_path / "s")), Progress(5, stream=output)
        feed = SimpleNamespace(stages=lambda: {"decode": 0.5})
        saves = SimpleNamespace(latest=1)
        return StepLog(trainer, RunDir(tmp_path), writer, bar, clock, feed, saves, window)

    return make


def add(log, step, **changes):
    """A finished step, whose loss is its number."""
    pending = PendingStep(step, {}, 0.0, np.array([step, 9], np.int32), BLOCKS)
    values = {"loss": float(step), "grad_norm": 1.0, "top1": 0.5, "lr": 0.1 * step}
    log.add(pending, values | changes)


def test_a_line_has_means_and_the_last_rate(make, tmp_path):
    """Every second step and at the end: means since the last line, the last step's rate."""
    log = make()
    for step in range(1, 6):
        add(log, step)
    lines = jsonl.read(tmp_path / "metrics.jsonl")
    train = [x for x in lines if x["split"] == "train"]
    assert [(x["step"], x["epoch"], x["loss"]) for x in train] == [
        (2, 1, 1.5), (4, 2, 3.5), (5, 2.5, 5.0),
    ]  # fmt: skip
    assert [x["lr"] for x in train] == pytest.approx([0.2, 0.4, 0.5])
    assert all(x["images_per_s"] > 0 and 0 <= x["input_wait"] <= 1 for x in train)
    monitors = [x for x in lines if x["split"] == "monitors"]
    assert [x["step"] for x in monitors] == [2, 4, 5]
    assert monitors[0]["grad_norm"] == BLOCKS["grad_norm"]


def test_a_resumed_window_continues(make, tmp_path):
    """The window saved at step 3 gives the mean of steps 3 and 4."""
    log = make()
    for step in (1, 2, 3):
        add(log, step)
    add(make(log.window.state()), 4)
    assert jsonl.read(tmp_path / "metrics.jsonl")[-2]["loss"] == 3.5


@pytest.mark.parametrize("name", ["loss", "grad_norm"])
def test_a_step_that_is_not_finite_stops_the_run(make, tmp_path, name):
    """Its examples, and the means of the line before, are written; it is in no mean."""
    log = make()
    add(log, 1)
    add(log, 2)
    with pytest.raises(DivergedError, match=r"checkpoint is of step 1") as error:
        add(log, 3, **{name: math.nan})
    path = tmp_path / "diverged" / "step-3.json"
    document = json.loads(path.read_text())
    assert document["before"].pop("loss") == 1.5
    assert document | {"before": {}} == {
        "step": 3,
        "metrics": {"loss": "3.0", "grad_norm": "1.0", "top1": "0.5", "lr": str(0.1 * 3)}
        | {name: "nan"},
        "before": {},
        "monitors": {"grad_norm": {"conv1": "2.0", "logits": "1.0"}},
        "examples": [{"index": 3, "name": "image 3"}, {"index": 9, "name": "image 9"}],
    }
    message = str(error.value)
    assert error.value.step == 3 and error.value.code == 65
    assert re.match(r"step 3: loss .*nan.*: expected finite numbers. Its 2 examples are", message)
    assert str(path) in message and message.endswith("gradient 2 in conv1, 1 in logits.")
    assert log.window.means() == {}


def test_blocks_that_are_not_finite_are_named(make, tmp_path):
    """The worst block is in the message; the file is JSON without infinities."""
    log = make()
    values = {"loss": 1.0, "grad_norm": math.inf, "lr": 0.1}
    blocks = {"grad_norm": {"conv1": math.inf, "logits": 1.0}}
    with pytest.raises(DivergedError, match=r"Worst blocks: gradient inf in conv1\.$"):
        log.add(PendingStep(1, {}, 0.0, np.array([3], np.int32), blocks), values)
    document = json.loads((tmp_path / "diverged" / "step-1.json").read_text())
    assert document["monitors"] == {"grad_norm": {"conv1": "inf", "logits": "1.0"}}


def test_the_verdict_leaves_out_the_first_window(make, output):
    """The first window contains the compilation; the bottleneck is named after the second."""
    log = make()
    add(log, 1)
    add(log, 2)
    assert "bottleneck" not in output.getvalue()
    add(log, 3)
    add(log, 4)
    assert "bottleneck: the step" in output.getvalue()
