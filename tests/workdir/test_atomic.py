"""Tests that a file or folder is written completely or not at all."""

import os
from pathlib import Path

import pytest

from inception_jax.errors import ConfigError
from inception_jax.workdir import atomic


def test_a_failed_write_leaves_the_old_file(tmp_path):
    """And nothing beside it."""
    path = tmp_path / "a.json"
    atomic.write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        atomic.write_text(path, "new \ud800")
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.json"]
    atomic.write_text(path, "ü")
    assert path.read_text(encoding="utf-8") == "ü"


def test_the_content_is_synced_before_it_is_renamed(tmp_path, monkeypatch):
    """The order of the calls; then the folder, which holds the new name."""
    calls = []
    sync, replace = os.fsync, os.replace

    def fsync(handle):
        calls.append("sync " + os.path.basename(os.readlink(f"/proc/self/fd/{handle}")))
        sync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", lambda *a: (calls.append("rename"), replace(*a)))
    atomic.write_text(tmp_path / "a", "x")
    assert calls == [f"sync .a.{os.getpid()}.partial", "rename", f"sync {tmp_path.name}"]


def test_a_folder(tmp_path):
    """A folder appears with all its files; a failed one is removed."""
    with atomic.replacing(tmp_path / "run") as partial:
        (partial / "below").mkdir(parents=True)
        (partial / "below" / "file").write_text("x")
        assert not (tmp_path / "run").exists()
    assert (tmp_path / "run" / "below" / "file").read_text() == "x"
    with pytest.raises(ZeroDivisionError), atomic.replacing(tmp_path / "other") as partial:
        partial.mkdir()
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_the_suffix_is_that_of_the_temporary_name(tmp_path):
    """A library that appends a missing suffix writes to the temporary name."""
    with atomic.replacing(tmp_path / "a.npz", ".npz") as partial:
        assert partial.suffix == ".npz" and partial.parent == tmp_path
        partial.write_text("")


def test_leftovers_of_killed_processes_go_after_a_day(tmp_path):
    """Those of a process that may still write stay."""
    for name, age in ((".a.1.partial", 2 * atomic.STALE), (".a.2.partial", 60)):
        (tmp_path / name).mkdir()
        now = (tmp_path / name).stat().st_mtime
        os.utime(tmp_path / name, (now - age, now - age))
    atomic.write_text(tmp_path / "a", "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".a.2.partial", "a"]


def test_an_error_names_the_output(tmp_path):
    """And not the temporary file; one about another file keeps that one's name."""
    for body, name in (
        (lambda p: os.write(os.open("/dev/full", os.O_WRONLY), b"x"), tmp_path / "a"),
        (lambda p: (p / "below").write_text(""), tmp_path / "a"),
        (lambda p: (tmp_path / "input").read_text(), tmp_path / "input"),
    ):
        with pytest.raises(OSError) as e, atomic.replacing(tmp_path / "a") as partial:
            body(partial)
        assert e.value.filename == str(name)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").touch()
    with pytest.raises(OSError, match=r"-> '.*/a'$"):
        atomic.write_text(tmp_path / "a", "")
    with pytest.raises(ConfigError, match="/dev/full: expected a file or a new name"):
        atomic.write_text(Path("/dev/full"), "")
