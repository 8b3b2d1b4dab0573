"""Tests `directory`: ownership and visibility of a run directory, room for checkpoints."""

import os
import subprocess
from functools import partial

import jax
import numpy as np
import pytest

from inception_jax.doctor import directory, hosts
from inception_jax.doctor.finding import FAIL, OK
from inception_jax.errors import ConfigError, DataError
from inception_jax.workdir import disk_space, run_dir
from tests import saved
from tests.doctor.conftest import Others, page


def test_workdir(tmp_path):
    """A new directory, a run's own and another's; no file is left behind."""
    c, alone, new = page(), hosts.Hosts(), tmp_path / "a" / "b"
    assert directory.shared(new, c, False, alone).found.endswith(": new")
    assert not (tmp_path / "a").exists()
    with run_dir.opened(new, c, False):
        saved.small(new, 9, 40)
        for name in ("bad-50", "60"):
            (new / "checkpoints" / name).mkdir()
        check = partial(directory.shared, new, c, False, alone)
        locked = subprocess.run(
            ["python3", "-c", f"import fcntl; fcntl.flock(open({str(new / '.lock')!r}), 6)"],
            capture_output=True,
        )
        assert locked.returncode  # the run holds the lock
        with pytest.raises(ConfigError, match="another process is training"):
            check()
    assert "step 40 of 2 checkpoints" in check().found
    with pytest.raises(ConfigError, match=r"optim.lr: 0.2 there, 0.3 now"):
        directory.shared(new, page(optim__lr=0.3), False, alone)
    assert directory.shared(new, page(optim__lr=0.3), True, alone).state == OK
    assert sorted(p.name for p in new.iterdir()) == [
        ".lock",
        "checkpoints",
        "config.json",
        "run.json",
    ]


@pytest.mark.parametrize("where", ["a_file/run", "/proc/run"])
def test_unwritable_workdir(where, tmp_path):
    """Below a file, and where not even root may create a folder."""
    (tmp_path / "a_file").touch()
    with pytest.raises(ConfigError, match=r"cannot write --workdir=.*; make it writable"):
        directory.shared(tmp_path / where, page(), False, hosts.Hosts())


def test_a_workdir_that_is_not_shared(tmp_path, monkeypatch):
    """A host that does not find the first one's file has another file system."""
    monkeypatch.setattr(directory, "SEEN", 0.3)
    others = Others({"token": ".doctor-1"}, index=1, count=2)
    assert directory.shared(tmp_path, page(), False, others).state == FAIL
    (tmp_path / ".doctor-1").write_text(".doctor-1")
    assert "visible on all" in directory.shared(tmp_path, page(), False, others).found


@pytest.mark.parametrize("key", ["checkpoint.init", "loss.teacher"])
def test_other_run(tmp_path, key):
    """A run to start or to learn from must have a checkpoint."""
    with pytest.raises(ConfigError, match=f"--config.{key}="):
        directory.other_run(key, tmp_path)
    with run_dir.opened(tmp_path, page(), False):
        pass
    with pytest.raises(DataError, match=f"--config.{key}="):
        directory.other_run(key, tmp_path)
    saved.small(tmp_path, 12)
    assert "googlenet at step 12" in directory.other_run(key, tmp_path).found


def test_room(tmp_path, monkeypatch):
    """Room for the kept checkpoints and one being written, less the existing ones."""
    state = {"a": jax.ShapeDtypeStruct((1000,), np.float32)}
    free, each = {}, 4000 + directory.OVERHEAD
    monkeypatch.setattr(disk_space, "free_bytes", lambda path: free["bytes"])

    def fits(count, **values):
        """Whether room for exactly `count` checkpoints is required."""
        states = []
        for free["bytes"] in (count * each, count * each - 1):
            found = directory.room(tmp_path, page(**values), state)
            states.append((found.state, found.code))
        return states == [(OK, 0), (FAIL, 74)]

    assert fits(3)
    assert fits(9, checkpoint__keep=5, checkpoint__keep_best=3)
    assert fits(3 + 8, checkpoint__keep_every_epochs=4.0)
    saved.small(tmp_path, 7)
    assert fits(2)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_room_on_a_small_disk(tmp_path):
    """The free space of a real file system of 8 MB."""
    small = tmp_path / "small"
    small.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)]
    if subprocess.run(line, capture_output=True).returncode:
        pytest.skip("this machine does not allow mounts")
    try:
        for size, state in ((1_500_000, OK), (2_000_000, FAIL)):
            each = {"a": jax.ShapeDtypeStruct((size // 4,), np.float32)}
            assert directory.room(small / "run", page(), each).state == state
    finally:
        subprocess.run(["umount", str(small)], check=True)
