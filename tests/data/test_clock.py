"""Tests of inception_jax.data.clock."""

import pytest

from inception_jax.data import clock


@pytest.fixture
def seconds(monkeypatch):
    """A clock that the test sets."""
    now = [100.0]
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now[0])
    return now


def lap(now, read: float, decode: float) -> clock.Lap:
    """A lap of one image."""
    lap = clock.Lap()
    lap.start()
    for stage, taken in (("read", read), ("decode", decode)):
        now[0] += taken
        lap.end(stage)
    now[0] += 50  # between images: of no stage
    return lap


def test_stages_of_all_laps_add_up(seconds):
    """Each stage has the time since the one before; the mean is over all images."""
    total = clock.Clock()
    assert total.ms() == {"read": 0, "decode": 0, "resize": 0}
    total.add(lap(seconds, 1, 2), 1)
    total.add(lap(seconds, 3, 4), 3)
    assert total.ms() == {"read": 1000, "decode": 1500, "resize": 0}


def test_drained_stats_are_merged_elsewhere(seconds):
    """What is drained is removed; another clock adds it."""
    worker, main = clock.Clock(), clock.Clock()
    for _ in range(2):
        worker.add(lap(seconds, 1, 2), 1)
        main.add(*worker.drain_stats())
        assert worker.ms() == {"read": 0, "decode": 0, "resize": 0}
    assert main.ms() == {"read": 1000, "decode": 2000, "resize": 0}
