"""Tests `inception_jax/train/loop.py` in this process: the five calls of a step, and its ends."""

import io
import shutil
import signal
import threading

import jax
import jax.numpy as jnp
import pytest

from inception_jax.checkpoint import Checkpoints
from inception_jax.errors import ConfigError, DivergedError, PreemptedError
from inception_jax.progress import Progress
from inception_jax.runtime.signals import Interrupt
from inception_jax.runtime.watchdog import Watchdog
from inception_jax.train.early_stop import EarlyStop
from inception_jax.train.loop import Loop
from inception_jax.train.profile import Trace
from inception_jax.train.stages import Stage
from inception_jax.train.step_log import StepLog
from inception_jax.train.timekeeper import Timekeeper
from inception_jax.train.trainer import build
from inception_jax.workdir import jsonl
from inception_jax.workdir.run_dir import RunDir
from tests.tiny import Tiny, digits
from tests.train.steps import fresh


@pytest.fixture(scope="module")
def trainer():
    """Of 4 steps on one device: saves after 1, 2 and 4, evaluates after 2 and 4."""
    changes = dict(train__epochs=0.25, checkpoint__every_epochs=0.13, eval__every_epochs=0.13)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inception_jax.train.program.build_model", lambda c, _: Tiny())
        config = digits(**changes, log__every_steps=2, log__tensorboard=False)
        trainer = build(config, jax.devices()[:1])
    trainer.compiled.ahead(trainer.stage(1)).join()
    return trainer


class Run:
    """A loop from step 0 with the objects that `run` gives it."""

    def __init__(self, trainer, workdir):
        program = trainer.program
        self.state = fresh(program.mesh, model=program.model, tx=program.tx)
        self.workdir, self.record, self.interrupt = workdir, {}, Interrupt()
        held = RunDir(workdir)
        held.hold()
        self.saves = Checkpoints(workdir / "checkpoints", keep=5, before_write=held.check)
        self.clock = Timekeeper(0.0, Watchdog(0, workdir / "stacks.txt"))
        self.printed, trace = io.StringIO(), Trace(workdir / "profile", 0)
        self.early = EarlyStop(1, program.trained, {})
        self.loop = Loop(
            trainer, held, self.saves, self.interrupt, self.clock, self.record,
            Progress(program.total, stream=self.printed), trace, self.early,
            start=0, window=None,
        )  # fmt: skip

    def lines(self, split):
        """The steps that metrics.jsonl has of a split."""
        return [
            x["step"] for x in jsonl.read(self.workdir / "metrics.jsonl") if x["split"] == split
        ]

    def saved(self):
        """The complete checkpoints."""
        self.saves.wait()
        return self.saves.steps()


@pytest.fixture
def current(trainer, tmp_path):
    """A run that has not begun."""
    (tmp_path / "run").mkdir()
    run = Run(trainer, tmp_path / "run")
    yield run
    run.saves.close()


def test_a_step_is_five_calls(current):
    """Two steps by hand: each is saved, both are one line of metrics, the second is evaluated."""
    loop, state = current.loop, current.state
    for step in (1, 2):
        batch, waited = loop.feed(step)
        assert batch["image"].shape == (96, 8, 8, 3) and waited >= 0
        state = loop.step(step, state, batch, waited)
        loop.log(step, state)
        loop.save(step, state)
        loop.evaluate(step, state)
    assert int(state.step) == current.record["step"] == 2
    assert current.lines("train") == current.lines("test") == [2] and current.saved() == [1, 2]
    evaluation = jsonl.read(current.workdir / "metrics.jsonl")[-1]
    assert evaluation["count"] == 360 and evaluation["weights"] == "ema"


def test_a_run_to_its_end(current):
    """Four steps: lines, checkpoints and evaluations where due, and the time of each part."""
    current.loop.run(current.state)
    assert current.lines("train") == current.lines("test") == [2, 4]
    assert current.saved() == [1, 2, 4]
    spent = current.record["spent"]
    assert current.record["step"] == 4 and spent["start"] > 0 and spent["steps"] > 0


def test_an_early_stop(current):
    """After an evaluation that is no better than one before; its state is saved, and said why."""
    current.early.add(1, 1.0)
    state, step, window = current.loop.run(current.state)
    assert int(state.step) == step == 2 and not window["counts"]
    assert current.lines("test") == [2] and current.saved() == [1, 2]
    assert "stopped early at step 2: 1 evaluations without a better" in current.printed.getvalue()


@pytest.mark.parametrize("top1", [0.1, 0.9])
def test_an_evaluation_at_chance_is_noticed(current, monkeypatch, top1):
    """Evaluation at chance is reported if training accuracy is 90%, not if it is at chance too."""
    monkeypatch.setattr(StepLog, "top1", top1)
    current.loop.evaluate(2, current.state)
    assert ("90.0% in training, but" in current.printed.getvalue()) == (top1 == 0.9)


def test_a_signal_saves_and_stops(current):
    """After a signal the next step carries it to all processes, is saved, and is the last."""
    current.interrupt.signal = signal.SIGTERM
    with pytest.raises(PreemptedError, match="saved step 1 of 4 and stopped"):
        current.loop.run(current.state)
    assert current.record["step"] == 1 and current.saved() == [1]


def test_a_signal_while_the_next_program_compiles(current, trainer, monkeypatch):
    """The last step of the stage is logged and saved; nothing of the next one has begun."""
    stages = Stage(1, 3, 8), Stage(4, 4, 8)
    monkeypatch.setattr(trainer, "stages", stages)
    over = threading.Event()
    compiling = threading.Thread(target=over.wait, args=(20,), daemon=True)
    compiling.start()

    def ahead(stage):
        if stage == stages[1] and current.record.get("step") == 3:
            current.interrupt.signal = signal.SIGTERM
        return compiling

    monkeypatch.setattr(trainer.compiled, "ahead", ahead)
    with pytest.raises(PreemptedError, match="saved step 3 of 4 and stopped"):
        current.loop.run(current.state)
    over.set()
    assert current.record["step"] == 3 and current.saved() == [1, 2, 3]


@pytest.mark.parametrize("call", ["save", "evaluate", "log"])
def test_a_workdir_that_is_removed(current, monkeypatch, call):
    """Before a save, an evaluation's or a log's line: an error, and it is not made again."""
    loop, works = current.loop, getattr(current.loop, call)

    def removed(step, state):
        if step == 2:
            current.saves.wait()
            shutil.rmtree(current.workdir)
        works(step, state)

    monkeypatch.setattr(loop, call, removed)
    with pytest.raises(ConfigError, match="was removed, renamed or replaced"):
        loop.run(current.state)
    assert not current.workdir.exists()


def test_weights_that_are_not_finite_are_not_saved(current, trainer, monkeypatch):
    """The loss of a step is that of the weights before it; the weights after it are checked."""

    compiled = trainer.compiled.of(trainer.stage(1))

    def broken(state, batch):
        """The second step leaves averages that are not finite."""
        state, metrics = compiled(state, batch)
        if int(state.step) == 2:
            state = state.replace(ema=jax.tree.map(lambda x: x * jnp.nan, state.ema))
        return state, metrics

    monkeypatch.setattr(trainer.compiled, "of", lambda stage: broken)
    with pytest.raises(DivergedError, match="step 2: the weights it left"):
        current.loop.run(current.state)
    assert current.saved() == [1]
    assert (current.workdir / "diverged" / "step-2.json").exists()
