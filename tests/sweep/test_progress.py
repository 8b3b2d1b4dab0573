"""Tests `sweep/progress.py`: the state, epoch and metric of a trial from its files."""

import pytest

from inception_jax.launch import retry
from inception_jax.sweep import progress
from inception_jax.sweep.trial import Trial
from tests.sweep import fake_trials

OVERRIDES = {"optim.lr": 0.1}


def read(folder, **fields):
    """The progress of a trial in `folder`."""
    return progress.read(Trial(0, OVERRIDES, folder, ("train",), **fields), "top1")


def test_waiting_and_done(tmp_path):
    """Without a run, and with a finished one."""
    waiting = read(tmp_path / "none")
    assert (waiting.state, waiting.epoch, waiting.value, waiting.attempts) == (
        "waiting",
        0,
        None,
        0,
    )
    fake_trials.finish(tmp_path, OVERRIDES)
    done = read(tmp_path)
    assert (done.state, done.epoch, done.epochs, done.attempts) == ("done", 10.0, 10.0, 1)
    assert len(done.values) == 10 and done.value == done.values[-1][1]


@pytest.mark.parametrize(
    ("codes", "state"),
    [([75], "stopped"), ([139], "stopped"), ([139, 139], "failed"), ([65], "failed")],
)
def test_the_last_verdict_decides(tmp_path, codes, state):
    """A trial that will be restarted is stopped; one that will not is failed, with the reason."""
    fake_trials.run(tmp_path, OVERRIDES, 5, done=False)
    for code in codes:
        retry.after(tmp_path, code, "job", retry.Budgets())
    trial = read(tmp_path)
    assert trial.state == state and trial.epoch == 5.0
    assert f"code {codes[-1]}" in trial.why


def test_an_outcome_of_the_search_wins(tmp_path):
    """The files of a pruned run look like those of a stopped one."""
    fake_trials.run(tmp_path, OVERRIDES, 5, done=False)
    trial = read(tmp_path, outcome="pruned", why="stopped by the pruner")
    assert (trial.state, trial.why) == ("pruned", "stopped by the pruner")
