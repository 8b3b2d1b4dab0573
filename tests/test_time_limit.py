"""Tests the time limit of `tests/conftest.py`, which `.ci/run` gives the slow tests."""

import math
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import conftest

ITEMS = [SimpleNamespace(path=Path(f), keywords=k) for f in "abcdef" for k in ((), (), ("data",))]


def order(monkeypatch, until):
    """The files of the items in the order in which they run, and which need real images."""
    monkeypatch.setattr(conftest, "UNTIL", until)
    items = list(ITEMS)
    conftest.pytest_collection_modifyitems(items)
    return [(item.path.name, "data" in item.keywords) for item in items]


def test_the_order_differs_each_time_and_real_images_are_first(monkeypatch):
    """A file stays together; all workers, which have the same limit, have the same order."""
    first, again, other = (order(monkeypatch, until) for until in (1e9, 1e9, 1e9 + 1))
    assert first == again != other and sorted(first) == sorted(other)
    assert [data for _, data in first] == [True] * 6 + [False] * 12
    rest = [name for name, data in first if not data]
    assert rest[::2] == rest[1::2]
    assert [name for name, _ in order(monkeypatch, math.inf)] == [i.path.name for i in ITEMS]


def test_what_is_left_is_skipped(monkeypatch):
    """What needs the real images ten minutes later."""
    without, data = ITEMS[0], ITEMS[2]
    for late, skipped in ((-60, []), (60, [without]), (660, [without, data])):
        monkeypatch.setattr(conftest, "UNTIL", time.time() - late)
        for item in (without, data):
            if item in skipped:
                with pytest.raises(pytest.skip.Exception, match="no time is left"):
                    conftest.pytest_runtest_setup(item)
            else:
                conftest.pytest_runtest_setup(item)
