"""Tests `inception_jax/train/trainer.py`: what is refused, when something is due, rollbacks."""

import json
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from inception_jax import checkpoint
from inception_jax.errors import ConfigError
from inception_jax.train.stages import Stage
from inception_jax.train.trainer import Trainer, build, epoch_of
from inception_jax.workdir import run_dir
from tests.tiny import digits


def test_other_classes_than_the_datas_are_refused():
    """The digits have ten; the message names both keys to set."""
    with pytest.raises(ConfigError, match=r"classes=7: expected 10.*set data\.classes"):
        build(digits(data__classes=7), jax.devices()[:1])


@pytest.mark.parametrize(
    ("every", "steps"), [(1.0, [3, 5, 8, 9]), (0.5, [2, 3, 4, 5, 7, 8, 9]), (5.0, [9])]
)
def test_an_interval_in_epochs(every, steps):
    """2.5 steps an epoch: due at the first step at or after each multiple, and at the end."""
    program = SimpleNamespace(per_epoch=2.5, stages=(Stage(1, 9, 8),), config=digits())
    trainer = Trainer(None, program, None)
    assert [step for step in range(1, 10) if trainer.due(step, every)] == steps


def test_the_evaluator_has_the_configs_protocol():
    """`eval.protocol` is what evaluation during training uses."""
    trainer = build(digits(eval__protocol="shift"), jax.devices()[:1])
    assert trainer.evaluator.protocol.name == "shift"


def test_after_a_rollback():
    """The same trainer without a rollback; else another rate, and batches further on."""
    trainer = build(digits(), jax.devices()[:1])
    assert trainer.after_rollback(0, 1.0) is trainer
    other = trainer.after_rollback(3, 0.5)
    assert other.shift == 3 and other.program is not trainer.program
    assert other.program.mesh == trainer.program.mesh
    assert other.source is trainer.source and other.evaluator is trainer.evaluator
    rates = [float(t.program.rate(20)) for t in (trainer, other)]
    assert rates[1] == pytest.approx(rates[0] / 2)
    readers = [
        t.batches(t.reader(), start, lambda: None) for t, start in ((trainer, 5), (other, 2))
    ]
    np.testing.assert_array_equal(*(next(batches)["index"] for batches in readers))


def test_a_batch_is_placed_with_a_signal_for_each_device():
    """The step reads images, labels and signals; examples' numbers only for alternating flips."""
    rows = {"image": np.zeros((96, 8, 8, 3), np.uint8), "label": np.arange(96, dtype=np.int32)}
    numbers = {"index": np.arange(96, dtype=np.int32), "epoch": np.zeros(96, np.int32)}
    for flips, keys in (("random", rows), ("alternating", {**rows, **numbers})):
        config = digits(augment__flips=flips, data__flip=True)
        trainer = build(config, jax.devices()[:4])
        placed = trainer.placed({**rows, **numbers}, 2, step=1)
        assert placed["signal"].tolist() == [2, 2, 2, 2] and set(placed) == {*keys, "signal"}
        shapes = trainer.program.empty_batch
        assert shapes.keys() == placed.keys()
        assert all(x.sharding == shapes[k].sharding for k, x in placed.items())
        assert all((x.shape, x.dtype) == (shapes[k].shape, shapes[k].dtype)
                   for k, x in placed.items())  # fmt: skip


def test_arrays_of_another_network_do_not_fit(tmp_path):
    """`checkpoint.init` of a network without a common layer is refused."""
    checkpoint.write(tmp_path, {"params": {"other": {"kernel": np.ones(3, np.float32)}}})
    config = run_dir.plain(digits())
    (tmp_path / "config.json").write_text(json.dumps(config))
    trainer = build(digits(checkpoint__init=str(tmp_path)), jax.devices()[:1])
    with pytest.raises(ConfigError, match="only 0% of this one's parameters below the classifier"):
        trainer.start_arrays()
    assert build(digits(), jax.devices()[:1]).start_arrays() is None


def test_the_epoch_of_a_step():
    """Images seen over images of the split."""
    assert epoch_of(digits(), 30) == 30 * 96 / 1437


def test_a_rollback_keeps_what_was_inherited():
    """The averages that came with `checkpoint.init` are still those after a rollback."""
    trainer = build(digits(), jax.devices()[:1])
    trainer.program.inherited = frozenset(["['batch_stats']['conv1']['bn']['mean']"])
    after = trainer.after_rollback(3, 0.5)
    assert after.program.inherited == trainer.program.inherited and after.shift == 3
