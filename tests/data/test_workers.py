"""Tests of inception_jax.data.workers."""

import gc
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import jax
import numpy as np
import pytest

from inception_jax.data import workers
from inception_jax.data.pipeline import TrainReader, batches
from inception_jax.data.readers import Readers
from inception_jax.data.sources.digits import Digits
from inception_jax.data.sources.folder import Folder
from inception_jax.data.threads import AHEAD
from inception_jax.errors import DataError
from tests.data.batches import Bare, equal
from tests.data.pictures import Pictures, settings, tree, viewer
from tests.data.worker_processes import Broken, Locked, reading, running


def files() -> int:
    """The open files of this process, without those that only garbage has open."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def ignores(pid: int, number: int) -> bool:
    """Whether a process ignores a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(status.partition("SigIgn:")[2].split()[0], 16)
    return bool(mask >> (number - 1) & 1)


def reader(source=None, **changes):
    """A reader of the digits, or of another source."""
    return TrainReader(source or Digits("train"), settings(**changes), seed=5)


def test_processes_give_the_batches_of_threads():
    """Identical batches, across an epoch's end; no memory and no process is left."""
    before = files()
    data = {"interpolation": "random", "crop": "tensorflow"}
    steps = range(40, 48)  # over the end of an epoch of 1,437
    threads = list(batches(reader(**data), 33, steps, 2))
    processes = list(batches(reader(**data), 33, steps, 1, processes=2))
    equal(processes, threads)
    del processes
    assert files() == before and not reading()


def test_a_batch_is_not_overwritten():
    """Batches, and single rows of them, keep their content while later ones are read."""
    kept, rows, expected = [], [], list(batches(reader(), 20, range(30), 1))
    for i, batch in enumerate(batches(reader(), 20, range(30), 2, processes=1)):
        if i % 9 == 0:
            kept.append((i, batch))
        rows.append((i, batch["image"][3, 1:]))
        del rows[:-4]
        for j, row in rows:
            np.testing.assert_array_equal(row, expected[j]["image"][3, 1:])
    equal([b for _, b in kept], [expected[i] for i, _ in kept])


@pytest.mark.parametrize(("held", "most"), [(1, 4), (2, 5), (30, 7)])
def test_memory_is_bounded(held, most):
    """As many slots as are read ahead and held; a consumer that holds all of them gets copies."""
    pool = workers.Processes(reader(), 20, Readers(2, 1))
    last, ahead = [], deque()
    try:
        for start in range(0, 600, 20):
            ahead.append(pool.begin(start))
            if len(ahead) > AHEAD:
                last.append(pool.finish(*ahead.popleft()))
                del last[:-held]
        assert len(os.listdir("/proc/self/fd")) < 60 and pool._slots._count == most
    finally:
        pool.close()


def test_jax_reads_a_slot_where_it_is():
    """An array of a CPU device that aliases a slot keeps it from being used again."""
    expected = list(batches(reader(image_size=64), 20, range(12), 1))
    arrays = []
    for batch in batches(reader(image_size=64), 20, range(12), 1, processes=1):
        arrays.append(jax.device_put(batch["image"]))
        assert arrays[-1].unsafe_buffer_pointer() == batch["image"].ctypes.data or len(arrays) > 4
    for array, batch in zip(arrays, expected, strict=True):
        np.testing.assert_array_equal(array, batch["image"])


def test_a_worker_ends_with_its_parent(tmp_path):
    """After kill -9 of the parent no worker is left, nor does one write anything."""
    code = """
import sys, time
from inception_jax.data.pipeline import TrainReader
from tests.data.pictures import Pictures, settings
from tests.data.worker_processes import reading
from inception_jax.data.pipeline import batches
steps = batches(TrainReader(Pictures(50), settings(), 0), 20, range(100_000), 3, processes=2)
next(steps)
print(*reading(), flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    pids = [int(word) for word in parent.stdout.readline().split()]
    parent.kill()
    assert len(pids) == 2
    began = time.monotonic()
    while any(running(pid) for pid in pids):
        assert time.monotonic() - began < 2
        time.sleep(0.01)
    assert parent.communicate()[1] == ""


def test_workers_ignore_the_signals_of_a_terminal():
    """They read on after Ctrl-C and SIGTERM, which the main process handles."""
    steps = batches(reader(), 20, range(10), 2, processes=2)
    next(steps)
    for pid in reading():
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # under nohup the last is already
        while not all(ignores(pid, n) for n in numbers):  # it may have started after the batch
            time.sleep(0.01)
        for number in numbers:
            os.kill(pid, number)
        assert os.getsid(pid) == pid
    assert len(list(steps)) == 9


def test_a_worker_does_not_import_jax():
    """Its start costs half a second, not two."""
    steps = batches(reader(), 20, range(3), 1, processes=1)
    next(steps)
    maps = Path(f"/proc/{reading()[0]}/maps").read_text()
    assert "cv2" in maps and "jaxlib" not in maps


def test_errors_of_a_worker():
    """They are raised here, with the worker's traceback; one that cannot be pickled as well."""
    for source, expected in ((Broken(), LookupError), (Locked(), RuntimeError)):
        with pytest.raises(expected) as found:
            next(batches(reader(source), 20, range(3), 1, processes=1))
        text = str(found.value) + "".join(getattr(found.value, "__notes__", ()))
        assert "the disk is gone" in text and "in stored" in text


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
    assert not reading()


def test_a_killed_process_ends_the_run():
    """After kill -9 of a worker the run raises within seconds instead of waiting for ever."""
    before = files()
    steps = batches(reader(), 20, range(100_000), 1, processes=2)
    next(steps)
    os.kill(reading()[0], signal.SIGKILL)
    began = time.monotonic()
    with pytest.raises(RuntimeError, match=r"killed.*--config.data.processes"):
        any(False for _ in steps)
    assert time.monotonic() - began < 5
    gc.collect()
    assert files() == before and not reading()


def test_an_abandoned_iterator_leaves_no_process():
    """Closing it stops the processes and frees their memory."""
    before = files()
    steps = batches(reader(), 20, range(100_000), 1, processes=2)
    next(steps)
    assert len(reading()) == 2
    began = time.monotonic()
    steps.close()
    assert time.monotonic() - began < 2
    assert files() == before and not reading()


def test_evaluation_in_processes():
    """The batches of threads, with padding and a bad image in memory that is used again."""
    data, source = settings(), Pictures(258, bad=frozenset({5, 230}))
    threads, processes = viewer(source, data), viewer(source, data)
    expected = list(batches(threads, 50, range(6), 2))
    steps = batches(processes, 50, range(6), 2, processes=1)
    for found, wanted in zip(steps, expected, strict=True):
        equal([found], [wanted])
        found["image"][:], found["weight"][:], found["index"][:] = 9, 9, 9
    assert processes.bad.reasons.keys() == {"picture 5", "picture 230"}


def test_a_reader_that_cannot_be_pickled_is_refused():
    """An error instead of a hang."""
    with pytest.raises((AttributeError, pickle.PicklingError), match="pickle"):
        next(batches(Bare(lambda positions: None), 20, range(3), 1, processes=1))
