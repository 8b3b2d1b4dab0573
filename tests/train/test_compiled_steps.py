"""Tests `inception_jax/train/compiled_steps.py`: programs that threads compile."""

import jax
import pytest

from inception_jax.train.compiled_steps import CompiledSteps
from inception_jax.train.program import Program
from inception_jax.train.stages import Stage
from tests.tiny import digits

TRAIN, SMALLER, MEASURE = Stage(5, 9, 8), Stage(1, 4, 6), Stage(10, 12, 8, True)


@pytest.fixture
def program():
    """The digits', without its compiler."""
    return Program(digits(), 1437, jax.devices()[:1])


def test_an_error_of_the_compiler_waits_for_the_first_step(program, monkeypatch):
    """The thread that compiles ahead ends quietly, and the step compiles again."""
    monkeypatch.setattr(program, "compiled", lambda stage: 1 / 0)
    steps = CompiledSteps(program)
    steps.ahead(TRAIN).join(60)
    assert steps.of(TRAIN) is program.train_step and steps.seconds > 0
    assert steps.of(MEASURE) is program.recalibration_step


def test_each_program_is_compiled_once(program, monkeypatch):
    """One for each size, one for the recalibration; stages of the same program share it."""
    found = []
    monkeypatch.setattr(program, "compiled", lambda stage: found.append(stage) or stage)
    steps = CompiledSteps(program)
    for stage in (SMALLER, TRAIN, MEASURE, TRAIN._replace(first=20, last=30)):
        steps.ahead(stage).join(60)
    assert found == [SMALLER, TRAIN, MEASURE]
    assert steps.of(TRAIN._replace(first=20)) == TRAIN and steps.of(SMALLER) == SMALLER
