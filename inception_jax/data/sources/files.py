"""Image files without classes."""

import ctypes
import os
import time
from pathlib import Path

from inception_jax.data.images.decode import BadImageError
from inception_jax.data.sources.listing import images_below
from inception_jax.errors import ConfigError

FLAGS = os.O_RDONLY | os.O_CLOEXEC
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


class Files:
    """The images below a folder, in any depth; each has the label 0.

    Raises:
        ConfigError: the folder does not exist, or has no image below it.
    """

    def __init__(self, root: Path):
        if not root.is_dir():
            raise ConfigError(f"expected a folder of images, found no folder at {root}")
        self._root = os.path.join(os.fsencode(root), b"")
        self.classes: tuple[str, ...] = ("",)
        self._names, self.left_out = images_below(root)

    def __len__(self) -> int:
        return len(self._names)

    def label(self, index: int) -> int:
        """0: these images have no classes."""
        return 0

    def stored(self, index: int) -> bytes:
        """The file's bytes; raises BadImageError."""
        return contents(self._root + os.fsencode(self._names[index]))

    def name(self, index: int) -> str:
        """Its path below the folder."""
        return self._names[index]


def contents(path: bytes) -> bytes:
    """A file's bytes; only the reading itself lets other threads have the GIL.

    To hand it over costs more than to open and close a file, unless that waits for a network: after
    two openings that took longer than `SLOW`, files are opened and closed without it for 30 times
    as long. So such waits hold it for 3% of the time.

    Raises:
        BadImageError: it cannot be read, or was removed after it was listed.
    """
    began = time.perf_counter()
    held = _opening.held(began)
    try:
        # os.open also gives the reason why libc's could not.
        file = _libc.open(path, FLAGS) if held else -1
        file = os.open(path, FLAGS) if file < 0 else file
        if held:
            now = time.perf_counter()
            _opening.add(now, now - began)
        try:
            size = _libc.lseek(file, 0, os.SEEK_END)
            data = os.pread(file, min(size, MOST), 0)
            while len(data) < size and (more := os.pread(file, MOST, len(data))):
                data += more
            return data
        finally:
            (_libc if held else os).close(file)
    except OSError as e:
        raise BadImageError(e.strerror or str(e)) from e
