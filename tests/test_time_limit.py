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


def skipped(item):
    """Whether an item is skipped; `pytest.skip` in a test would skip the test itself."""
    try:
        conftest.pytest_runtest_setup(item)
    except pytest.skip.Exception:
        return True
    return False


@pytest.mark.parametrize(("late", "want"), [(-60, [0, 0]), (60, [1, 0]), (660, [1, 1])])
def test_what_is_left_is_skipped(monkeypatch, late, want):
    """What needs the real images ten minutes later."""
    monkeypatch.setattr(conftest, "UNTIL", time.time() - late)
    found = [skipped(ITEMS[0]), skipped(ITEMS[2])]
    monkeypatch.undo()
    assert found == want
