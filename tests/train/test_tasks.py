"""Tests every task from the config to the files of a run, resumed to the bit."""

import json

import jax
import numpy as np
import pytest

from inception_jax import checkpoint
from inception_jax.errors import PreemptedError
from inception_jax.train import loop, run
from tests.tiny import digits

TASKS = {
    "multilabel": {"loss__name": "binary_cross_entropy"},
    "regression": {"loss__name": "huber"},
    "embedding": {"loss__name": "arcface", "loss__scale": 16.0, "data__images_per_class": 12},
}
SCORES = {"multilabel": "map", "regression": "r2", "embedding": "recall1"}


def config(task):
    """A run of seconds on the digits."""
    return digits(
        data__task=task, data__classes=-1, model__num_classes=-1, loss__label_smoothing=0.0,
        train__epochs=1.0, optim__warmup_epochs=0.0, optim__lr=0.05, eval__every_epochs=0.5,
        checkpoint__every_epochs=0.5, log__tensorboard=False, **TASKS[task],
    )  # fmt: skip


def stopping(monkeypatch, step):
    """Loops end with a signal after `step`."""
    log = loop.Loop.log

    def stop(self, at, state):
        log(self, at, state)
        if at == step:
            self._leave(at, state)

    monkeypatch.setattr(loop.Loop, "log", stop)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_run_and_its_resumption(task, tmp_path, monkeypatch, promotion):
    """Scores are in metrics.jsonl and the eval file; stopped and resumed, every weight is equal."""
    run.run(config(task), tmp_path / "whole")
    lines = [json.loads(x) for x in (tmp_path / "whole/metrics.jsonl").read_text().splitlines()]
    score = [x[SCORES[task]] for x in lines if x["split"] == "test"][-1]
    assert json.loads((tmp_path / "whole/eval/test.json").read_text())[SCORES[task]] == score
    with monkeypatch.context() as patch:
        stopping(patch, 7)
        with pytest.raises(PreemptedError):
            run.run(config(task), tmp_path / "parts")
    run.run(config(task), tmp_path / "parts")
    (a, one), (b, other) = (checkpoint.load(tmp_path / name) for name in ("whole", "parts"))
    assert a == b
    jax.tree.map(np.testing.assert_array_equal, one, other)
