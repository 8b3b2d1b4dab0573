"""Tests of inception_jax.data.readers."""

import os
from types import SimpleNamespace

import pytest

from inception_jax import config
from inception_jax.data import readers
from inception_jax.data.readers import Readers
from inception_jax.runtime import cores, distributed


@pytest.mark.parametrize(
    ("count", "data", "expected"),
    [
        (1, {}, (1, 0)),
        (4, {}, (4, 0)),
        (6, {}, (6, 2)),
        (16, {}, (16, 4)),
        (64, {}, (64, 16)),
        (16, {"threads": 2}, (2, 0)),
        (2, {"threads": 16}, (16, 4)),
        (16, {"processes": 0}, (16, 0)),
        (16, {"processes": 16}, (16, 16)),
        (2, {"processes": 8}, (8, 8)),
        (16, {"threads": 4, "processes": 8}, (8, 8)),
        (16, {"cache": True}, (4, 0)),
        (16, {"cache": True, "processes": 2}, (16, 2)),
        (16, {"source": "digits"}, (4, 0)),
        (2, {"source": "digits"}, (2, 0)),
    ],
)
def test_readers_by_cores(monkeypatch, count, data, expected):
    """Automatic values by the cores; given ones are kept; no process without a thread."""
    monkeypatch.setattr(cores, "share", lambda pids: count)
    fields = {"source": "folder", "classes": 2, "image_size": 8, "batch_size": 4, **data}
    assert readers.of(SimpleNamespace(**config.source(**fields))) == Readers(*expected)


def test_names():
    """What `data bench` prints."""
    found = [str(Readers(*r)) for r in ((1, 0), (2, 0), (2, 1), (16, 4))]
    assert found == ["1 thread", "2 threads", "2 threads in 1 process", "16 threads in 4 processes"]


def test_processes_of_a_host_share_its_cores(monkeypatch):
    """Two processes of a job on one host have half of the readers each."""
    monkeypatch.setattr(cores, "available", lambda: 16)
    monkeypatch.setattr(distributed, "local_pids", lambda: [os.getpid(), os.getppid()])
    monkeypatch.setattr(cores, "affinity", lambda pid=0: set(range(16)))
    assert readers.available_cores() == 8
