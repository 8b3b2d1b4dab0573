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
RELEASED = 100  # times as long as a slow one took, files are opened without the GIL
MOST = 2**31 - 1  # bytes of one read

_libc = ctypes.PyDLL(None)  # calls of it keep the GIL
_libc.open.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.lseek.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int]
_libc.lseek.restype = ctypes.c_int64
_release_until = 0.0  # by time.perf_counter


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

    Giving it away and taking it back costs more than a file's opening and closing, unless these
    wait for a network: after an opening that took longer than `SLOW`, 100 times as long passes in
    which the files are opened and closed without it. So such waits hold it for 1% of the time.

    Raises:
        BadImageError: it cannot be read, or was removed after it was listed.
    """
    global _release_until
    began = time.perf_counter()
    held = began > _release_until
    try:
        # os.open also gives the reason why libc's could not.
        fd = _libc.open(path, FLAGS) if held else -1
        fd = os.open(path, FLAGS) if fd < 0 else fd
        if held and (took := time.perf_counter() - began) > SLOW:
            _release_until = began + (1 + RELEASED) * took
        try:
            size = _libc.lseek(fd, 0, os.SEEK_END)
            data = os.pread(fd, min(size, MOST), 0)
            while len(data) < size and (more := os.pread(fd, MOST, len(data))):
                data += more
            return data
        finally:
            _libc.close(fd) if held else os.close(fd)
    except OSError as e:
        raise BadImageError(e.strerror or str(e)) from e
