"""Tests of inception_jax.data.sources.file_bytes."""

import os
import threading
import time

import pytest

from inception_jax.data.images.decode import BadImageError
from inception_jax.data.sources import file_bytes


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Slow openings of other tests are forgotten."""
    monkeypatch.setattr(file_bytes, "_opening", file_bytes.Opening())


def test_slow_openings_do_not_hold_the_lock(tmp_path, monkeypatch):
    """After two slow ones in a row files are opened by `os`, without the lock, for a while."""
    path = tmp_path / "a.png"
    path.write_bytes(b"abc" * 1000)
    opened, now, slow = [], [0.0], [0.0]

    class Libc:
        close, lseek = file_bytes._libc.close, file_bytes._libc.lseek

        @staticmethod
        def open(name, flags):
            opened.append("held")
            now[0] += slow[0]
            return os.open(name, flags)

    monkeypatch.setattr(file_bytes, "_libc", Libc)
    monkeypatch.setattr(file_bytes.time, "perf_counter", lambda: now[0])

    def read(seconds, times):
        slow[0] = seconds
        before = len(opened)
        for _ in range(times):
            assert file_bytes.contents(os.fsencode(path)) == b"abc" * 1000
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
            file_bytes.contents(os.fsencode(tmp_path / name))
    (tmp_path / "empty").write_bytes(b"")
    assert file_bytes.contents(os.fsencode(tmp_path / "empty")) == b""
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("link", [False, True])
def test_a_blocked_file_does_not_hold_the_lock(tmp_path, link):
    """A pipe is waited for without the GIL; what is written to it is read."""
    path = tmp_path / "a.png"
    os.mkfifo(path)
    if link:
        (tmp_path / "b.png").symlink_to(path)
    name, found = os.fsencode(tmp_path / ("b.png" if link else "a.png")), []
    thread = threading.Thread(target=lambda: found.append(file_bytes.contents(name)), daemon=True)
    thread.start()
    time.sleep(0.05)
    assert not found
    with open(path, "wb") as file:
        file.write(b"pixels")
    thread.join(5)
    assert found == [b"pixels"]


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        (b"/data/train/cat", True),
        (b"/data/nfs/cat", False),
        (b"/data/nfs", False),
        (b"/data/nfs2", True),
        (b"/my files/x", True),
        (b"/unknown", False),
    ],
)
def test_disks_of_this_machine(monkeypatch, folder, expected):
    """By the longest mount point above the folder; none is known: no."""
    mounts = [(b"/data/", "ext4"), (b"/data/nfs/", "nfs4"), (b"/my files/", "xfs")]
    monkeypatch.setattr(file_bytes, "_mounts", lambda: mounts)
    assert file_bytes._on_disk.__wrapped__(folder) is expected


def test_a_network_file_system_never_holds_the_lock(tmp_path, monkeypatch):
    """All of it by functions of `os`."""
    (tmp_path / "a.png").write_bytes(b"abc" * 1000)
    monkeypatch.setattr(file_bytes, "_on_disk", lambda folder: False)
    monkeypatch.setattr(file_bytes, "_libc", None)
    assert file_bytes.contents(os.fsencode(tmp_path / "a.png")) == b"abc" * 1000
