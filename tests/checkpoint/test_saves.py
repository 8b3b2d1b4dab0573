"""Tests saving in the background: order, errors, a full disk."""

import errno
import threading
import time

import jax
import numpy as np
import pytest

from inception_jax import checkpoint
from inception_jax.checkpoint import (
    Checkpoints,
    arrays,
    manifest,
)
from inception_jax.errors import ConfigError, DiskFullError
from inception_jax.workdir import disk_space
from tests import saved


def test_donating_the_state_changes_no_save(tmp_path):
    """The next step may write over the arrays while they are on their way to the disk."""
    saves = Checkpoints(tmp_path, keep=20)
    add = jax.jit(lambda tree: jax.tree.map(lambda x: x + 1, tree), donate_argnums=0)
    current = {"params": {"kernel": jax.device_put(np.zeros(3_000_000, np.float32))}}
    shapes = saved.shapes(current)
    for step in range(1, 6):
        saves.save(step, current, {})
        current = add(current)
    saves.wait()
    for step in range(1, 6):
        got, _ = saves.restore(step, shapes)
        assert (np.asarray(got["params"]["kernel"]) == step - 1).all()
        # Nor does donating what was restored: it may lie in memory that NumPy has given.
        twice = add(add(got))
        assert (np.asarray(twice["params"]["kernel"]) == step + 1).all()
    saves.close()


def test_the_log_is_that_of_the_save(tmp_path, monkeypatch):
    """What the loop adds to its sums while the save is on its way is not in it."""
    go = threading.Event()
    save_args = arrays.save_args
    monkeypatch.setattr(arrays, "save_args", lambda *a: go.wait(30) and save_args(*a))
    saves, log = Checkpoints(tmp_path, keep=1), {"sums": {"loss": 1.0}}
    saves.save(1, saved.state(1), log)
    log["sums"]["loss"] += 1
    go.set()
    saves.wait()
    assert saves.restore(1, saved.shapes(saved.state(1)))[1] == {"sums": {"loss": 1.0}}
    saves.close()


def test_the_old_step_goes_after_the_new_one_is_whole(tmp_path, monkeypatch):
    """While a manifest is written the step before is still there, and nothing has the new name."""
    saved.steps(tmp_path, 1)
    seen = []
    write = manifest.write

    def slow(folder, *args, **about):
        seen.append((folder.name, checkpoint.steps(tmp_path)))
        write(folder, *args, **about)

    monkeypatch.setattr(manifest, "write", slow)
    saved.steps(tmp_path, 2, keep=1)
    assert seen == [("2.saving", [1])]
    assert checkpoint.steps(tmp_path) == [2]


def test_a_step_that_is_there_is_not_saved_again(run):
    """A signal may ask for the step that has just been saved."""
    before = (run / "checkpoints" / "15" / "manifest.json").read_bytes()
    saved.steps(run / "checkpoints", 15)
    assert (run / "checkpoints" / "15" / "manifest.json").read_bytes() == before


def test_no_room_is_seen_before_anything_is_written(tmp_path, monkeypatch):
    """The message has the figures; the folder stays as it was."""
    saved.steps(tmp_path, 1)
    monkeypatch.setattr(disk_space, "free_bytes", lambda directory: 1_234_567)
    with pytest.raises(
        DiskFullError, match=r"expected 1,8\d\d,\d{3} bytes free, found 1,234,567"
    ) as error:
        saved.steps(tmp_path, 2)
    assert error.value.code == 74 and [p.name for p in tmp_path.iterdir()] == ["1"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        ValueError("RESOURCE_EXHAUSTED: write: No space left on device [d/abc]"),
    ],
)
def test_a_full_disk_in_the_background(tmp_path, monkeypatch, error):
    """`check` raises it at the next step, however deep it is wrapped; a bug stays what it is."""

    def fails(*args, **more):
        try:
            raise error
        except Exception as e:
            raise RuntimeError("could not write") from e

    monkeypatch.setattr(manifest, "write", fails)
    saves = Checkpoints(tmp_path, keep=1)
    saves.save(1, saved.state(1), {})
    deadline = time.monotonic() + 60
    with pytest.raises(DiskFullError, match="the same command again"):
        while time.monotonic() < deadline:
            saves.check()
            time.sleep(0.01)
    saves.close()
    assert checkpoint.steps(tmp_path) == []


def test_an_error_of_another_kind_stays_itself(tmp_path, monkeypatch):
    """It is raised by `wait`, too, so that no run ends well without its last checkpoint."""

    def fails(*args, **more):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(manifest, "write", fails)
    saves = Checkpoints(tmp_path, keep=1)
    saves.save(1, saved.state(1), {})
    with pytest.raises(ZeroDivisionError):
        saves.wait()
    saves.close()


def test_a_place_that_is_lost_is_not_made_again(tmp_path):
    """Before a save, and while TensorStore writes one, which creates every missing folder."""
    run, calls = tmp_path / "run", []

    def before_write():
        calls.append(1)
        if len(calls) == 2:  # in the background, just before the files are written
            run.rename(tmp_path / "elsewhere")
        elif len(calls) > 2:
            raise ConfigError("lost")

    run.mkdir()
    saves = Checkpoints(run / "checkpoints", keep=1, before_write=before_write)
    saves.save(1, saved.state(1), {})
    with pytest.raises(ConfigError, match="lost"):
        saves.wait()
    with pytest.raises(ConfigError, match="lost"):
        saves.save(2, saved.state(2), {})
    saves.close()
    assert not run.exists() and (tmp_path / "elsewhere" / "checkpoints").is_dir()


def test_check_costs_nothing(tmp_path):
    """Below 20 microseconds a call, the fastest of five thousand-fold ones: every step calls it."""
    saves, times = Checkpoints(tmp_path, keep=1), []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(1000):
            saves.check()
        times.append(time.perf_counter() - began)
    assert min(times) / 1000 < 20e-6


def test_save_does_not_wait_for_the_disk(tmp_path, monkeypatch):
    """It returns while the files are written; only the next save waits for it."""
    go = threading.Event()
    write = manifest.write
    monkeypatch.setattr(manifest, "write", lambda *a, **k: go.wait(60) and write(*a, **k))
    saves = Checkpoints(tmp_path, keep=2)
    saves.save(1, saved.state(1), {})
    assert checkpoint.steps(tmp_path) == [] and saves.latest is None
    go.set()
    saves.close()
    assert checkpoint.steps(tmp_path) == [1] and saves.latest == 1
