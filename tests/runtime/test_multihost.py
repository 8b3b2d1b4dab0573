"""Tests what processes exchange; two processes are simulated by their gathered rows."""

import jax
import numpy as np
import pytest

from inception_jax import errors
from inception_jax.runtime import multihost
from inception_jax.runtime.signals import Interrupt


@pytest.fixture
def two(monkeypatch):
    """As process 1 of two; `two(rows, ...)`: what process 0 sends in each exchange."""

    def start(*sent):
        answers = iter(sent)
        monkeypatch.setattr(jax, "process_count", lambda: 2)
        monkeypatch.setattr(jax, "process_index", lambda: 1)
        monkeypatch.setattr(
            multihost, "concatenated", lambda rows: np.concatenate([next(answers), rows])
        )

    return start


def as_rows(text):
    """The two exchanges of a JSON text: its length, its padded bytes."""
    return np.array([len(text)], np.int32), np.frombuffer(text.encode(), np.uint8)


def test_a_single_process():
    """Everything is its own, and errors are raised as they are."""
    rows = np.arange(3)
    assert multihost.concatenated(rows) is rows and multihost.of_first(rows) is rows
    assert multihost.any_of(True) and not multihost.any_of(False)
    assert multihost.merged({"a": [1]}) == {"a": [1]}
    assert multihost.decided(lambda: 3) == 3
    multihost.check(Interrupt())


def test_a_signal_to_another_process(two):
    """All processes are preempted, also one without a signal."""
    two(np.array([1], np.int32))
    with pytest.raises(errors.PreemptedError, match="a signal to another process"):
        multihost.check(Interrupt())


def test_decided_by_process_0(two):
    """Its value is returned, and its error raised, as one that all processes share."""
    two(*as_rows('{"value": [1, 2]}'))
    assert multihost.decided(lambda: pytest.fail("called in process 1")) == [1, 2]
    two(*as_rows('{"kind": "DataError", "text": "all are damaged"}'))
    with pytest.raises(errors.DataError, match="all are damaged") as e:
        multihost.decided(lambda: None)
    assert e.value.shared
