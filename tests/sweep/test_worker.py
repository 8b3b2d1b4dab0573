"""Tests `sweep/worker.py`: the outcome of each kind of end, restarts, preemption, pruning."""

import sys

import pytest

from inception_jax.cli import sweeps
from inception_jax.errors import DiskFullError, PreemptedError
from inception_jax.launch import retry
from inception_jax.sweep import search
from inception_jax.sweep.worker import SearchWorker
from tests.sweep import fake_trials
from tests.sweep.fake_worker import outcomes, worker

optuna = search.optuna()


def test_every_kind_of_end(new_search):
    """Pruned and diverged trials inform the sampler; bad data fails a trial, not the search."""
    first, _ = worker(new_search, codes=["pruned", "diverged", 65])
    first.work()
    states = outcomes(new_search)
    assert [s for s, _ in states] == ["PRUNED", "PRUNED", "FAIL", "COMPLETE"]
    assert [w[:10] for _, w in states] == ["stopped by", "diverged", "code 65: b", ""]
    rows = [t.outcome for t in new_search.trials()]
    assert rows == ["pruned", "pruned", "fail", "complete"]
    value = search.study(new_search).trials[3].value
    assert value == pytest.approx(fake_trials.final(new_search.trials()[3].overrides), abs=0.01)


def test_a_crash_is_restarted_once(new_search):
    """As for any job: a second crash without a new checkpoint fails the trial."""
    first, log = worker(new_search, codes=[1, 0, 137, 137])
    first.work()
    assert [s for s, _ in outcomes(new_search)] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert any("crashed twice without a new checkpoint" in line for line in log)
    # The worker's own crashes are judged by its finished trials.
    assert retry.progress(new_search.folder / "workers" / "0") == 4


@pytest.mark.parametrize(("code", "error"), [(75, PreemptedError), (74, DiskFullError)])
def test_a_stopped_worker_resumes_its_trial(new_search, code, error):
    """It resumes the same run, and starts no new one: the next would find the same full disk."""
    first, _ = worker(new_search, codes=[code])
    with pytest.raises(error):
        first.work()
    assert outcomes(new_search) == [("RUNNING", "")]
    worker(new_search)[0].work()
    assert [s for s, _ in outcomes(new_search)] == ["COMPLETE"] * 4
    trials = search.study(new_search).trials
    assert [t.user_attrs["generation"] for t in trials] == [2, 1, 1, 1]
    assert len(list((new_search.folder / "trials").iterdir())) == 4


# In place of `python -m inception_jax train`: one evaluation, then waiting for SIGTERM.
TRAINING = """#!{python}
import json, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
(workdir,) = [w.removeprefix("--workdir=") for w in sys.argv if w.startswith("--workdir=")]
folder = pathlib.Path(workdir)
config = {{"train": {{"epochs": 12.0}}, "eval": {{"split": "test"}}}}
(folder / "config.json").write_text(json.dumps(config))
line = {{"step": 1, "epoch": 1.0, "split": "test", "time": time.time(), "top1": 0.1}}
(folder / "metrics.jsonl").write_text(json.dumps(line) + "\\n")
time.sleep(60)
"""


def test_a_training_that_is_pruned(new_search, tmp_path, monkeypatch):
    """A real process, stopped after its first evaluation: it receives SIGTERM and is reaped."""
    training = tmp_path / "python"
    training.write_text(TRAINING.format(python=sys.executable))
    training.chmod(0o755)
    monkeypatch.setattr("inception_jax.sweep.worker.POLL_SECONDS", 0.05)
    pruner = optuna.pruners.ThresholdPruner(lower=0.999)
    monkeypatch.setattr(search, "pruner", lambda name: pruner)
    new_search.search["trials"] = 1
    page, log = new_search.config_arg(), []
    real = SearchWorker(
        new_search, 0, sweeps.searcher(page), lambda o: sweeps.build(page, new_search.base, o),
        log.append,
    )  # fmt: skip
    monkeypatch.setattr("inception_jax.sweep.worker.sys.executable", str(training))
    real.work()
    assert outcomes(new_search) == [("PRUNED", "stopped by the pruner")]
    assert search.study(new_search).trials[0].intermediate_values == {1: 0.1}
    assert log[-1].startswith("trial 0: pruned") and real.training is None
