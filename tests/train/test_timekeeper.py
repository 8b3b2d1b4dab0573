"""Tests `inception_jax/train/timekeeper.py` with a clock that the tests set."""

import contextlib
from types import SimpleNamespace

import pytest

from inception_jax.train import timekeeper
from inception_jax.train.timekeeper import Timekeeper


class Watchdog:
    """Records what it is called with."""

    def __init__(self):
        self.beats, self.allowed = [], []

    def beat(self, step=None):
        """A sign of life, with a step's seconds if there was a step."""
        self.beats.append(step)

    def sleep(self):
        """The watchdog is off until the next beat."""
        self.beats.append("sleep")

    @contextlib.contextmanager
    def allowing(self, seconds):
        """The body may take longer."""
        self.allowed.append(seconds)
        yield


@pytest.fixture
def clock(monkeypatch):
    """The time in seconds, as `now`; it starts at 100."""
    clock = SimpleNamespace(now=100.0)
    time = SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr(timekeeper, "time", time)
    return clock


def test_a_steps_time_excludes_what_is_apart(clock):
    """Of 7 seconds between two steps 5 were an evaluation: the step took 2."""
    watchdog = Watchdog()
    keeper = Timekeeper(clock.now, watchdog)
    keeper.restart()
    clock.now += 10
    keeper.step_done()
    assert keeper.first_step() == keeper.started == keeper.spent["start"] == 10
    with pytest.raises(OSError), keeper.apart("eval", 60.0):
        clock.now += 5
        raise OSError
    with keeper.waiting_for_input():
        clock.now += 0.5
    clock.now += 1.5
    keeper.step_done()
    assert watchdog.beats == ["sleep", None, 2.0] and watchdog.allowed == [60.0]
    assert keeper.spent == {"start": 10, "steps": 2, "input": 0.5, "save": 0, "eval": 5}


def test_no_step_is_timed_across_a_restart(clock):
    """After a rollback the first step only starts the clock."""
    watchdog = Watchdog()
    keeper = Timekeeper(clock.now, watchdog)
    keeper.step_done()
    clock.now += 50
    keeper.restart()
    keeper.step_done()
    assert watchdog.beats == [None, "sleep", None] and keeper.spent["steps"] == 0


@pytest.mark.parametrize(("of_window", "seconds"), [(False, 4.0), (True, 6.0)])
def test_the_rate_of_a_window(clock, of_window, seconds):
    """Two steps of 32 images in 4 seconds; 2 seconds of saving count only where asked."""
    keeper = Timekeeper(clock.now, Watchdog())
    clock.now += 30
    keeper.open_window()
    for _ in range(2):
        clock.now += 2
        keeper.count(0.5)
    with keeper.apart("save", 0.0, of_window=of_window):
        clock.now += 2
    speed = keeper.speed(32)
    assert speed == {"images_per_s": 64 / seconds, "input_wait": 1 / seconds}
    keeper.open_window()
    assert keeper.speed(32) == {"images_per_s": 0, "input_wait": 0}


def test_seconds_are_rounded_to_milliseconds(clock):
    """attempts.jsonl gets three digits; the sums themselves stay exact."""
    keeper = Timekeeper(clock.now, Watchdog())
    with keeper.apart("save", 0.0):
        clock.now += 1.23456
    assert keeper.rounded()["save"] == 1.235 and keeper.spent["save"] == pytest.approx(1.23456)
