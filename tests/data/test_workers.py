"""Tests of inception_jax.data.workers."""

import gc
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from inception_jax.data.pipeline import TrainReader, batches
from inception_jax.data.sources.digits import Digits
from inception_jax.data.sources.folder import Folder
from inception_jax.errors import DataError
from tests.data.batches import equal
from tests.data.pictures import settings, tree, viewer


def segments() -> set[str]:
    """Names of the shared memory segments."""
    return {p.name for p in Path("/dev/shm").glob("psm_*")}


def reader(source=None, **changes):
    """A reader of the digits, or of another source."""
    return TrainReader(source or Digits("train"), settings(**changes), seed=5)


def test_processes_give_the_batches_of_threads():
    """Identical batches, across an epoch's end; no memory and no process is left."""
    before = segments()
    data = {"interpolation": "random", "crop": "tensorflow"}
    steps = range(40, 48)  # over the end of an epoch of 1,437
    threads = list(batches(reader(**data), 33, steps, 2))
    processes = list(batches(reader(**data), 33, steps, 1, processes=2))
    equal(processes, threads)
    gc.collect()
    assert segments() == before and not multiprocessing.active_children()


def test_a_batch_is_not_overwritten():
    """A batch keeps its content while later ones are read into the same memory."""
    steps = batches(reader(), 20, range(12), 1, processes=1)
    first = next(steps)
    kept = {k: v.copy() for k, v in first.items()}
    for _ in steps:
        pass
    equal([first], [kept])


def test_stats_of_processes_are_merged(tmp_path):
    """Bad files are named once; the times are sums over the processes."""
    root = tree(tmp_path, {"train": {"a": 200}})
    (root / "train" / "a" / "007.png").write_bytes(b"")
    read = reader(Folder(root, "train"))
    index = np.concatenate([b["index"] for b in batches(read, 20, range(20), 1, processes=2)])
    assert read.bad.reasons == {"train/a/007.png": "the file is empty"}
    assert np.bincount(index)[[6, 7, 8]].tolist() == [2, 0, 4]
    assert all(ms > 0 for ms in read.clock.ms().values())


def test_bad_files_of_all_processes_end_the_run(tmp_path):
    """Three bad files of 200, in any process: DataError, and no process is left."""
    root = tree(tmp_path, {"train": {"a": 200}})
    for i in (7, 80, 150):
        (root / "train" / "a" / f"{i:03}.png").write_bytes(b"")
    with pytest.raises(DataError, match="3 of 200 images are unreadable"):
        list(batches(reader(Folder(root, "train")), 20, range(20), 1, processes=2))
    gc.collect()
    assert not multiprocessing.active_children()


def test_a_killed_process_ends_the_run():
    """After kill -9 of a worker the run raises within seconds instead of waiting for ever."""
    before = segments()
    steps = batches(reader(), 20, range(100_000), 1, processes=2)
    next(steps)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    began = time.monotonic()
    with pytest.raises(RuntimeError, match=r"killed.*--config.data.processes"):
        for _ in steps:
            pass
    assert time.monotonic() - began < 20
    assert segments() == before and not multiprocessing.active_children()


def test_an_abandoned_iterator_leaves_no_process():
    """Closing it stops the processes and frees their memory."""
    before = segments()
    steps = batches(reader(), 20, range(100_000), 1, processes=2)
    next(steps)
    assert len(multiprocessing.active_children()) == 2 and len(segments() - before) == 3
    steps.close()
    assert segments() == before and not multiprocessing.active_children()


def test_a_reader_that_cannot_be_pickled_is_refused():
    """Evaluation's reader cannot be sent: an error instead of a hang."""
    with pytest.raises(TypeError, match="pickle"):
        next(batches(viewer(Digits("test"), settings()), 20, range(3), 1, processes=1))
