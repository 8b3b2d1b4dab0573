"""Tests `inception_jax/eval/log_prob_cache.py`: a killed evaluation continues."""

import errno
import shutil

import numpy as np
import pytest

from inception_jax.errors import ConfigError, DiskFullError
from inception_jax.eval import log_prob_cache
from inception_jax.workdir.run_dir import RunDir

ABOUT = {"weights": "a", "protocol": "page"}


def rows(*index, bad=()):
    """Log-probabilities that are a function of the index."""
    index = np.array(index, np.int32)
    log = np.stack([np.sin(index), np.cos(index)], -1).astype(np.float32)
    return index, index % 2, log, np.array(bad, np.int32)


def test_a_workdir_that_is_removed(tmp_path):
    """Nothing is written at its place, neither a part nor another cache."""
    (tmp_path / "run").mkdir()
    held = RunDir(tmp_path / "run")
    held.hold()
    folder = tmp_path / "run" / "eval" / "a"
    cache = log_prob_cache.LogProbCache(folder, ABOUT, 2, before_write=held.check)
    shutil.rmtree(tmp_path / "run")
    cache.add(*rows(0, 1))
    for write in (
        cache.write,
        lambda: log_prob_cache.LogProbCache(folder, ABOUT, 2, before_write=held.check),
    ):
        with pytest.raises(ConfigError, match="was removed"):
            write()
    held.close()
    assert not (tmp_path / "run").exists()


def test_parts_of_two_attempts_are_merged(tmp_path):
    """Parts in any order become the rows of one file, bit for bit."""
    first = log_prob_cache.LogProbCache(tmp_path / "a", ABOUT, 2)
    first.add(*rows(0, 1, 2))
    first.write()
    first.add(*rows(3, 5, bad=[4]))
    first.write()
    first.add(*rows(6))  # never written: the process is killed
    again = log_prob_cache.LogProbCache(tmp_path / "a", ABOUT, 2)
    assert (again.done.tolist(), again.unreadable.tolist()) == ([0, 1, 2, 3, 5], [4])
    again.add(*rows(7, 6, 4))
    assert not len(again.unreadable)
    found = again.select(np.arange(8))
    for name, expected in zip(("index", "label", "log"), rows(*range(8)), strict=False):
        assert (found[name] == expected).all() and found[name].dtype == expected.dtype
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["about.json", "all.npz"]
    some = log_prob_cache.LogProbCache(tmp_path / "a", ABOUT, 2).select(np.array([2, 6, 99]))
    assert some["index"].tolist() == [2, 6]


@pytest.mark.parametrize("change", [{"weights": "b"}, {"protocol": "slim"}, {"new": 1}])
def test_another_about_clears_the_cache(tmp_path, change):
    """With other weights or another protocol the old entries are deleted."""
    first = log_prob_cache.LogProbCache(tmp_path / "a", ABOUT, 2)
    first.add(*rows(0, 1))
    first.write()
    assert not len(log_prob_cache.LogProbCache(tmp_path / "a", ABOUT | change, 2).done)
    assert not len(log_prob_cache.LogProbCache(tmp_path / "a", ABOUT, 2).done)


def test_fresh_clears_the_cache(tmp_path):
    """`fresh` deletes the entries."""
    first = log_prob_cache.LogProbCache(tmp_path / "a", ABOUT, 2)
    first.add(*rows(0, 1))
    first.write()
    assert not len(log_prob_cache.LogProbCache(tmp_path / "a", ABOUT, 2, fresh=True).done)


@pytest.mark.parametrize("damage", ["cut", "flip", "classes", "stray"])
def test_damaged_parts_are_deleted(tmp_path, damage):
    """A truncated part, a flipped bit or another shape is deleted; other parts stay."""
    folder = tmp_path / "a"
    first = log_prob_cache.LogProbCache(folder, ABOUT, 2)
    for start in (0, 10, 20):
        first.add(*rows(*range(start, start + 10)))
        first.write()
    path = folder / "00000010.npz"
    data = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        data[data.index(rows(10)[2].tobytes())] ^= 1
        path.write_bytes(data)
    elif damage == "classes":
        np.savez(path, index=[15], label=[1], unreadable=[], log=np.zeros((1, 3)))
    else:
        path.rename(folder / "999.partial.npz")  # killed before it got its name
    again = log_prob_cache.LogProbCache(folder, ABOUT, 2)
    assert again.done.tolist() == [*range(10), *range(20, 30)]
    assert not path.exists()
    again.add(*rows(*range(10, 15)))
    again.write()
    assert len(log_prob_cache.LogProbCache(folder, ABOUT, 2).done) == 25


def test_a_part_is_written_after_some_seconds(tmp_path, monkeypatch):
    """Parts are written every `EVERY` seconds, not with each batch."""
    now = [0.0]
    monkeypatch.setattr(log_prob_cache.time, "monotonic", lambda: now[0])
    store = log_prob_cache.LogProbCache(tmp_path / "a", ABOUT, 2)
    store.add(*rows(0))
    assert not len(log_prob_cache.LogProbCache(tmp_path / "a", ABOUT, 2).done)
    now[0] = log_prob_cache.EVERY
    store.add(*rows(1))
    assert len(log_prob_cache.LogProbCache(tmp_path / "a", ABOUT, 2).done) == 2


def test_a_folder_that_cannot_be_written(tmp_path):
    """A file in the path is named, with exit code 78."""
    (tmp_path / "a").write_text("")
    with pytest.raises(ConfigError, match="cannot write results in"):
        log_prob_cache.LogProbCache(tmp_path / "a" / "b", ABOUT, 2)


def test_a_full_disk(tmp_path, monkeypatch):
    """A full disk is exit code 74, and written parts stay."""
    store = log_prob_cache.LogProbCache(tmp_path / "a", ABOUT, 2)
    store.add(*rows(0))
    store.write()

    def full(*args, **more):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(log_prob_cache.np, "savez", full)
    store.add(*rows(1))
    with pytest.raises(DiskFullError, match="continues after the 2 images"):
        store.write()
    assert log_prob_cache.LogProbCache(tmp_path / "a", ABOUT, 2).done.tolist() == [0]
