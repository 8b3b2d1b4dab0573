"""Tests runs that learn from stored features: equal to runs on images, and they resume."""

import json
import os
import signal

import jax
import numpy as np
import pytest

from inception_jax import checkpoint, models
from inception_jax.errors import ConfigError, PreemptedError, StoppedEarlyError
from inception_jax.eval.feature_cache import FeatureCache
from inception_jax.train import run
from inception_jax.workdir import atomic, run_dir
from tests.tiny import Tiny, digits
from tests.train.test_run import lines, signal_at, weights

OWN = {
    "model__name": "tiny", "model__dialect": "tiny", "model__width": 1.0, "model__drop_rows": (),
    "model__aux": False, "log__tensorboard": False, "log__every_steps": 1, "mesh__data": 1,
    "train__watchdog": 0.0,
}  # fmt: skip
# 15 steps an epoch, the first three of them the classifier's.
TUNED = OWN | {
    "data__crop": "central", "data__area": (0.08, 1.0), "data__flip": False, "train__epochs": 0.4,
    "optim__freeze_until": "conv3", "optim__head_epochs": 0.2, "eval__every_epochs": 0.2,
    "checkpoint__every_epochs": 0.2, "train__cache_features": True,
}  # fmt: skip


@pytest.fixture
def tuned(tmp_path, monkeypatch):
    """The config of a run that starts from another one's weights, with some keys changed."""
    monkeypatch.setitem(models.MODELS, "tiny", Tiny)
    monkeypatch.setattr(
        "inception_jax.train.program.build_model", lambda c, _: Tiny(dropout=0.3, aux=False)
    )
    other = tmp_path / "other"
    checkpoint.write(other, models.init(Tiny(aux=False), seed=7))
    atomic.write_text(other / "config.json", json.dumps(run_dir.plain(digits(**OWN))))
    return lambda **changes: digits(
        **{**TUNED, "checkpoint__init": str(tmp_path / "other"), **changes}
    )


def close(found, expected):
    """Lines of metrics whose numbers agree."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.keys() == b.keys() and a["step"] == b["step"] and a["split"] == b["split"]
        for key in ("loss", "top1"):
            np.testing.assert_allclose(a[key], b[key], rtol=1e-4, atol=1e-6)


def test_features_stand_for_images(tuned, tmp_path):
    """A run on the frozen rows' features has the losses of one on images; frozen rows stay."""
    before = checkpoint.load(tmp_path / "other")[1]
    run.run(tuned(optim__head_epochs=0.0), tmp_path / "features")
    run.run(tuned(optim__head_epochs=0.0, train__cache_features=False), tmp_path / "images")
    close(lines(tmp_path / "features"), lines(tmp_path / "images"))
    after = checkpoint.load(tmp_path / "features")[1]
    for row in ("conv1", "conv2"):
        for kind in ("params", "batch_stats"):
            jax.tree.map(np.testing.assert_array_equal, after[kind][row], before[kind][row])
    assert (after["params"]["conv3"]["kernel"] != before["params"]["conv3"]["kernel"]).any()


@pytest.mark.slow
def test_the_classifier_learns_first_and_a_stopped_run_resumes(tuned, tmp_path, monkeypatch):
    """Until step 3 nothing else moves; stopped in each stage it ends with the same bits."""
    before = checkpoint.load(tmp_path / "other")[1]["params"]
    config, stopped, steps = tuned(), tmp_path / "stopped", [2, 5]
    run.run(config, tmp_path / "whole")
    head = checkpoint.load(tmp_path / "whole", 3)[1]["params"]
    np.testing.assert_array_equal(head["conv3"]["kernel"], before["conv3"]["kernel"])
    assert (head["logits"]["kernel"] != before["logits"]["kernel"]).any()
    computed = []
    batches = FeatureCache._batches

    def counted(cache, *args):
        computed.append(args[-1])
        return batches(cache, *args)

    with monkeypatch.context() as patch:
        signal_at(patch, steps)
        patch.setattr(FeatureCache, "_batches", counted)
        while steps:
            with pytest.raises(PreemptedError):
                run.run(config, stopped)
        run.run(config, stopped)
    assert lines(stopped) == lines(tmp_path / "whole")
    assert weights(stopped) == weights(tmp_path / "whole")
    assert computed == [0, 0]  # each split once


@pytest.mark.slow
def test_a_signal_while_features_are_computed(tuned, tmp_path, monkeypatch):
    """The run has not begun; the same command goes on with the features and trains."""
    config, workdir = tuned(), tmp_path / "run"
    batches = FeatureCache._batches

    def signalled(cache, *args):
        os.kill(os.getpid(), signal.SIGTERM)
        return batches(cache, *args)

    with monkeypatch.context() as patch, pytest.raises(StoppedEarlyError, match="step 0, while"):
        patch.setattr(FeatureCache, "_batches", signalled)
        run.run(config, workdir)
    run.run(config, workdir)
    assert weights(workdir)[0] == 6


@pytest.mark.parametrize(
    "changes", [{"optim__freeze_until": "logits", "optim__head_epochs": 0.0}, {}], ids=str
)
def test_random_weights_are_not_frozen(tuned, tmp_path, changes):
    """Without a run to start from, there is nothing to keep."""
    with pytest.raises(ConfigError, match=r"freeze_until=\w+ with --config.checkpoint.init="):
        run.run(tuned(checkpoint__init="", **changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_unknown_row_is_refused(tuned, tmp_path):
    """With the rows of the network; and so is the first one, before which nothing is frozen."""
    with pytest.raises(
        ConfigError, match="freeze_until: unknown row 'conv9', expected one of conv1"
    ):
        run.run(tuned(optim__freeze_until="conv9"), tmp_path / "run")
    with pytest.raises(ConfigError, match="expected a row above the first"):
        run.run(tuned(optim__freeze_until="conv1"), tmp_path / "run")
