"""Tests `inception_jax/train/stages.py`: which steps have which images, and which do not train."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_jax.errors import ConfigError
from inception_jax.models import ImageTooSmallError
from inception_jax.train import stages
from inception_jax.train.program import Program
from inception_jax.train.stages import Stage
from inception_jax.train.trainer import build
from tests.tiny import digits

SIZES = {"train__sizes": (4, 6), "train__size_epochs": (0.1, 0.2)}


def section(epochs, sizes=(), size_epochs=(), recalibrate=0, head=0.0):
    """A config for images of 8 pixels."""
    train = dict(epochs=epochs, sizes=sizes, size_epochs=size_epochs, recalibrate=recalibrate)
    return SimpleNamespace(
        data=SimpleNamespace(image_size=8),
        train=SimpleNamespace(**train),
        optim=SimpleNamespace(head_epochs=head),
    )


@pytest.mark.parametrize(
    ("more", "stop", "expected"),
    [
        ((2.0,), None, [Stage(1, 5, 8)]),
        ((2.0, (4, 6), (0.5, 1.0)), None, [Stage(1, 2, 4), Stage(3, 3, 6), Stage(4, 5, 8)]),
        ((2.0, (4,), (0.5,), 3), None, [Stage(1, 2, 4), Stage(3, 5, 8), Stage(6, 8, 8, True)]),
        ((2.0, (4,), (1.5,), 3), 3, [Stage(1, 3, 4), Stage(4, 6, 4, True)]),
        ((2.0, (), (), 0, 1.0), None, [Stage(1, 3, 8, head=True), Stage(4, 5, 8)]),
        ((2.0, (), (), 1, 1.0), 2, [Stage(1, 2, 8, head=True), Stage(3, 3, 8, True)]),
    ],
)
def test_stages_of_a_run(more, stop, expected):
    """2.5 steps an epoch: a size ends with the first step at or after its epoch, as due dates do.

    After an early stop the recalibration has images of the size of the last step.
    """
    found = stages.of(section(*more), 2.5, stop)
    assert list(found) == expected
    assert stages.trained(found) == expected[-1 - expected[-1].recalibrates].last


@given(st.floats(0.5, 9), st.lists(st.floats(0.1, 0.9), max_size=4, unique=True), st.integers(0, 3))
def test_every_step_is_in_one_stage(per_epoch, ends, recalibrate):
    """The stages are consecutive, from step 1 on; resumed anywhere, the batches are the same."""
    sizes, ends = tuple(range(1, len(ends) + 1)), tuple(3 * x for x in sorted(ends))
    found = stages.of(section(3.0, sizes, ends, recalibrate), per_epoch)
    firsts = [1, *(s.last + 1 for s in found[:-1])]
    assert [s.first for s in found] == firsts and all(s.last >= s.first for s in found)
    by_step = [stages.at(found, step).size for step in range(1, found[-1].last + 1)]
    for start in range(found[-1].last + 1):
        read = [s.size for s, steps in stages.stretches(found, start) for _ in steps]
        assert read == by_step[start:]


def test_batches_have_the_size_of_their_step():
    """The examples are those of a run of one size, after a resume and a rollback too."""
    trainer = build(digits(**SIZES), jax.devices()[:1])
    plain = build(digits(), jax.devices()[:1])
    for start, shift in ((0, 0), (1, 0), (3, 2)):
        one, other = (t.after_rollback(shift, 1.0) for t in (trainer, plain))
        batches, expected = (t.batches(t.reader(), start, lambda: None) for t in (one, other))
        for step in range(start + 1, 6):
            batch = next(batches)
            np.testing.assert_array_equal(batch["index"], next(expected)["index"])
            size = 4 if step <= 2 else 6 if step <= 3 else 8
            assert batch["image"].shape == (96, size, size, 3) and one.stage(step).size == size
        batches.close() if hasattr(batches, "close") else None


def test_a_size_below_the_minimum_is_refused(monkeypatch):
    """The smallest of all is tried; the message has the key and the layer."""

    def abstract(image_size, **fields):
        if image_size < 8:
            raise ImageTooSmallError(f"layer conv needs 8, got {image_size}")

    monkeypatch.setattr("inception_jax.train.state.abstract", abstract)
    with pytest.raises(
        ConfigError, match=r"train\.sizes=\(4, 6\) is too small.*conv needs 8, got 4"
    ):
        Program(digits(**SIZES), 1437, jax.devices()[:1]).empty_state  # noqa: B018


def test_sizes_at_which_a_layer_has_another_shape_are_refused():
    """GoogLeNet's own head depends on the size: the first such layer is named, and the way out."""
    large, small = ({"aux_4a": {"hidden": {"kernel": np.zeros((n, 9))}}} for n in (2048, 128))
    stages.check_shapes(large, large, 64)
    with pytest.raises(ConfigError, match=r"aux_4a/hidden/kernel is \(128, 9\) at 64.*aux=false"):
        stages.check_shapes(*(jax.tree_util.tree_map(jnp.asarray, x) for x in (large, small)), 64)
