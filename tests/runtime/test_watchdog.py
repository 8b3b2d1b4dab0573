"""Tests `inception_jax/runtime/watchdog.py`: what is too long, and what is not."""

import time

import pytest

from inception_jax.runtime import distributed
from inception_jax.runtime.watchdog import Watchdog


@pytest.fixture
def ended(monkeypatch):
    """What would have ended the process."""
    found = []
    monkeypatch.setattr(distributed, "abort_all", lambda code, why: found.append((code, why)))
    return found


def test_silence_ends_the_process(ended, tmp_path, capfd):
    """70 after the limit, with every thread's stack in the file and on the terminal."""
    with Watchdog(0.2, tmp_path / "stacks.txt") as watchdog:
        watchdog.beat()
        time.sleep(0.6)
    assert ended[0][0] == 70 and "train.watchdog" in ended[0][1]
    for text in ((tmp_path / "stacks.txt").read_text(), capfd.readouterr().err):
        assert "test_silence_ends_the_process" in text


def test_asleep_until_the_first_beat(ended, tmp_path):
    """The compiler may take as long as it likes; so may what comes after `sleep`."""
    with Watchdog(0.1, tmp_path / "stacks.txt") as watchdog:
        time.sleep(0.3)
        watchdog.beat()
        watchdog.sleep()
        time.sleep(0.3)
    assert not ended


def test_beats_and_allowances(ended, tmp_path):
    """Signs of life, and what is known to take long, are waited for."""
    with Watchdog(0.4, tmp_path / "stacks.txt") as watchdog:
        for _ in range(4):
            watchdog.beat()
            time.sleep(0.2)
        with watchdog.allowing(5):
            time.sleep(0.8)
        time.sleep(0.1)
    assert not ended


def test_the_limit_follows_the_steps(tmp_path):
    """The least, or twenty median steps where those are more."""
    watchdog = Watchdog(10, tmp_path / "stacks.txt")
    assert watchdog.limit == 10
    for seconds in (0.1, 0.2, 90.0):
        watchdog.beat(seconds)
    assert watchdog.limit == 10
    for _ in range(3):
        watchdog.beat(2.0)
    assert watchdog.limit == 20 * 2.0


def test_zero_is_off(ended, tmp_path):
    """Nothing watches."""
    with Watchdog(0, tmp_path / "stacks.txt") as watchdog:
        watchdog.beat()
        time.sleep(0.2)
    assert not ended
