"""Tests of inception_jax.data.sources.files."""

import os

import pytest

from inception_jax.data.images.decode import BadImageError
from inception_jax.data.sources import files
from inception_jax.data.sources.files import Files
from inception_jax.errors import ConfigError


def test_files_of_any_tree(tmp_path):
    """Images in any depth, sorted; a removed one is a bad image; none at all is refused."""
    for name in ("b/x.jpg", "a.png", "b/c/y.JPG", "b/readme.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    found = Files(tmp_path)
    assert [found.name(i) for i in range(len(found))] == ["a.png", "b/c/y.JPG", "b/x.jpg"]
    assert found.stored(2) == b"b/x.jpg" and found.label(2) == 0
    (tmp_path / "a.png").unlink()
    with pytest.raises(BadImageError):
        found.stored(0)
    for nothing in (tmp_path / "nowhere", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(ConfigError, match="expected"):
            Files(nothing)


def test_slow_openings_do_not_hold_the_lock(tmp_path, monkeypatch):
    """After two slow ones in a row files are opened by `os`, without the lock, for a while."""
    path = tmp_path / "a.png"
    path.write_bytes(b"abc" * 1000)
    opened, now, slow = [], [0.0], [0.0]

    class Libc:
        close, lseek = files._libc.close, files._libc.lseek

        @staticmethod
        def open(name, flags):
            opened.append("held")
            now[0] += slow[0]
            return os.open(name, flags)

    monkeypatch.setattr(files, "_libc", Libc)
    monkeypatch.setattr(files, "_opening", files.Opening())
    monkeypatch.setattr(files.time, "perf_counter", lambda: now[0])

    def read(seconds, times):
        slow[0] = seconds
        before = len(opened)
        for _ in range(times):
            assert files.contents(os.fsencode(path)) == b"abc" * 1000
        return len(opened) - before

    assert read(3e-6, 5) == 5
    assert read(2e-3, 1) == 1 and read(3e-6, 5) == 5  # a single slow one
    assert read(2e-3, 9) == 2
    now[0] += 31 * 2e-3
    assert read(2e-3, 9) == 1 and read(3e-6, 9) == 0
    now[0] += 31 * 2e-3
    assert read(3e-6, 9) == 9


def test_what_cannot_be_read(tmp_path):
    """A folder, a missing file: the system's reason; an empty one is read; none stays open."""
    before = len(os.listdir("/proc/self/fd"))
    (tmp_path / "folder").mkdir()
    for name, reason in (("folder", "Is a directory"), ("none", "No such file")):
        with pytest.raises(BadImageError, match=reason):
            files.contents(os.fsencode(tmp_path / name))
    (tmp_path / "empty").write_bytes(b"")
    assert files.contents(os.fsencode(tmp_path / "empty")) == b""
    assert len(os.listdir("/proc/self/fd")) == before
