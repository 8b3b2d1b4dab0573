"""Reads a whole file, and lets other threads have Python's lock (the GIL) no more than it must."""

import ctypes
import functools
import os
import stat
import time

from inception_jax.data.images.decode import BadImageError

FLAGS = os.O_RDONLY | os.O_CLOEXEC
# A pipe or a link to another disk is not waited for with the GIL.
AT_ONCE = FLAGS | os.O_NONBLOCK | os.O_NOFOLLOW
DISKS = {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "tmpfs", "overlay"}
SLOW = 100e-6  # seconds: a file whose name is in memory is opened in 3 us
RELEASED = 30  # times as long as the second of two slow ones took
MOST = 2**31 - 1  # bytes of one read

_libc = ctypes.PyDLL(None)  # calls of it keep the GIL
_libc.open.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.lseek.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int]
_libc.lseek.restype = ctypes.c_int64


class Opening:
    """Whether files are opened with the GIL: not while that takes long, as on a network's disk."""

    def __init__(self) -> None:
        self._release_until, self._was_slow = 0.0, False

    def held(self, now: float) -> bool:
        """Whether to open the next file with the GIL; `now` is by time.perf_counter."""
        return now >= self._release_until

    def add(self, now: float, took: float) -> None:
        """Add the seconds of an opening with the GIL; a single slow one may be a busy machine."""
        slow = took > SLOW
        if slow and self._was_slow:
            self._release_until = now + RELEASED * took
        self._was_slow = slow


_opening = Opening()


def contents(path: bytes) -> bytes:
    """A file's bytes.

    To hand the GIL over costs more than to open a file on a disk of this machine: there only the
    reading itself releases it. A network's file system can block for ever, and with the GIL the
    whole process would; there each call releases it, and so after two slow openings for a while.

    Raises:
        BadImageError: it cannot be read, or was removed after it was listed.
    """
    began = time.perf_counter()
    held = _on_disk(os.path.dirname(path)) and _opening.held(began)
    file = _libc.open(path, AT_ONCE) if held else -1
    size = _libc.lseek(file, 0, os.SEEK_END) if file >= 0 else -1
    try:
        if held:
            now = time.perf_counter()
            _opening.add(now, now - began)
        return _read_on_disk(file, size) if size >= 0 else _read(path)
    except OSError as e:
        raise BadImageError(e.strerror or str(e)) from e
    finally:
        if file >= 0:
            _libc.close(file)


def _read_on_disk(file: int, size: int) -> bytes:
    data = os.pread(file, min(size, MOST), 0)
    while len(data) < size and (more := os.pread(file, MOST, len(data))):
        data += more
    return data


def _read(path: bytes) -> bytes:
    """A file's bytes, whatever it is."""
    file = os.open(path, FLAGS)
    try:
        about, data = os.fstat(file), b""
        size = about.st_size if stat.S_ISREG(about.st_mode) else MOST
        while len(data) < size and (more := os.read(file, min(size, MOST))):
            data += more
        return data
    finally:
        os.close(file)


@functools.lru_cache(maxsize=1 << 16)
def _on_disk(folder: bytes) -> bool:
    """Whether a folder is on a disk of this machine; no, where that is not known."""
    real = os.path.join(os.path.realpath(folder), b"")
    above = [(point, kind) for point, kind in _mounts() if real.startswith(point)]
    return max(above, key=lambda mount: len(mount[0]), default=(b"", ""))[1] in DISKS


@functools.cache
def _mounts() -> list[tuple[bytes, str]]:
    """The mount points, a slash behind each, and their file systems; the last of a point counts."""
    try:
        with open("/proc/self/mounts", "rb") as file:
            rows = [line.split() for line in file]
    except OSError:  # not Linux
        return []
    point = {os.path.join(row[1].replace(b"\\040", b" "), b""): row[2].decode() for row in rows}
    return list(point.items())
