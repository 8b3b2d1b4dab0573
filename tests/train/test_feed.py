"""Tests `inception_jax/train/feed.py`: batches, and the signal sent with each."""

import signal
from types import SimpleNamespace

import pytest

from inception_jax.runtime.signals import Interrupt
from inception_jax.train import feed
from inception_jax.train.feed import GRACE, Feed
from inception_jax.train.sharded_step import RUN, SKIP, STOP


class Reader:
    """A reader whose unreadable images the test sets."""

    def __init__(self, size=8):
        self.size, self.bad = size, SimpleNamespace(reasons={})
        self.clock = SimpleNamespace(ms=lambda: {"decode": 0.5})

    def empty(self, count):
        """A batch that does not count."""
        return {"index": [-1] * count, "size": self.size}

    def resized(self, size):
        """One of images of that size."""
        return Reader(size)


class Trainer:
    """Batches [step]; before each one `idle` is called once for each number of seconds waited."""

    config = SimpleNamespace(data=SimpleNamespace(batch_size=4))

    def __init__(self, clock, waits):
        self.clock, self.waits = clock, waits

    def stage(self, step):
        """Images of 8 pixels for one step, then of 9."""
        return SimpleNamespace(size=8 if step == 1 else 9)

    def reader(self):
        """A reader of images of 8 pixels."""
        return Reader()

    def reader_of(self, stage, read):
        """A reader of images of the stage's size."""
        return read.resized(stage.size)

    def batches(self, read, start, idle):
        """The batches from a step on."""

        def iterate():
            for step, waits in enumerate(self.waits, start):
                for seconds in waits:
                    self.clock.now += seconds
                    idle()
                yield {"index": [step]}

        return iterate()


@pytest.fixture
def clock(monkeypatch):
    """The time in seconds, as `now`."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(feed, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_a_signal_is_sent_with_the_next_batch(clock):
    """RUN without a signal, STOP after one; a batch within GRACE of it still counts."""
    interrupt = Interrupt()
    batches = Feed(Trainer(clock, [[100], [GRACE]]), 7, interrupt)
    assert next(batches) == {"index": [7]} and batches.signal() == RUN
    interrupt.signal = signal.SIGTERM
    assert batches.signal() == STOP
    assert next(batches) == {"index": [8]} and batches.signal() == STOP


def test_without_a_batch_the_step_is_skipped(clock):
    """No batch within GRACE of a signal: empty batches of this process's share, with SKIP.

    Their images have the size of the step, which the other processes take.
    """
    interrupt = Interrupt()
    interrupt.signal = signal.SIGTERM
    batches = Feed(Trainer(clock, [[1, GRACE, 0.1], []]), 0, interrupt)
    for size in (8, 9):
        assert next(batches) == {"index": [-1] * 4, "size": size} and batches.signal() == SKIP


def test_each_unreadable_image_is_reported_once(clock):
    """One line an image, with the number of all until then."""
    batches = Feed(Trainer(clock, []), 0, Interrupt())
    reasons = batches.reader.bad.reasons
    assert batches.new_unreadable() == []
    reasons["a.jpg"] = "truncated"
    assert batches.new_unreadable() == ["unreadable image a.jpg: truncated (1 so far, replaced)"]
    reasons["b.jpg"] = "no image"
    assert batches.new_unreadable() == ["unreadable image b.jpg: no image (2 so far, replaced)"]
    assert batches.new_unreadable() == [] and batches.stages() == {"decode": 0.5}
