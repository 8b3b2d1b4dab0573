"""Decodes a region of a JPEG through libjpeg-turbo's C interface; no Python package offers that.

The functions of the TurboJPEG 3 API are called through ctypes: those that take less than 5 us keep
the GIL (`PyDLL`), because to hand it to another thread costs 20 us and more. Only decoding releases
it. The library is the system's if that is version 3 or newer, else the one inside the wheel
`turbojpeg`; without either, whole images are decoded by `simplejpeg`.
`experiments/input/decoders.py` compares the two.
"""

import ctypes
import ctypes.util
import functools
import threading
from importlib import metadata
from typing import NamedTuple

import numpy as np

# turbojpeg.h, enum TJINIT, TJPARAM, TJCS and TJPF
DECOMPRESS, RGB = 1, 0
STOP_ON_WARNING, SUBSAMPLING, WIDTH, HEIGHT, PRECISION, COLOURSPACE, FAST_DCT = 0, 4, 5, 6, 7, 8, 10
YCBCR_OR_GREY = (1, 2)
# A region must start at a multiple of this width, by TJSAMP: 444, 422, 420, grey, 440, 411, 441.
BLOCK = {0: 8, 1: 16, 2: 16, 3: 8, 4: 8, 5: 32, 6: 8}
RIGHT = 2  # pixels right of the region that smooth chroma upsampling reads
TAIL = 4096  # bytes at the end of a file that must contain its end marker


class Scratch:
    """Memory into which a thread decodes one image after another.

    Attributes:
        address: of the first byte of the last array.
    """

    def __init__(self) -> None:
        self._size: int = 0
        self.address: int = 0

    def array(self, height: int, width: int) -> np.ndarray:
        """Memory for pixels, uint8 [height, width, 3], which the next call may give again."""
        if (size := height * width * 3) > self._size:
            self._memory, self._size = np.empty(size, np.uint8), size
            self.address = self._memory.ctypes.data  # 3 us
        return np.ndarray((height, width, 3), np.uint8, self._memory)


class Header(NamedTuple):
    """Size and chroma subsampling of a JPEG, from its header."""

    height: int
    width: int
    subsampling: int


class Region(ctypes.Structure):
    """tjregion."""

    _fields_ = [(name, ctypes.c_int) for name in ("x", "y", "w", "h")]


class Scale(ctypes.Structure):
    """tjscalingfactor."""

    _fields_ = [("num", ctypes.c_int), ("denom", ctypes.c_int)]


@functools.cache
def library() -> ctypes.PyDLL | None:
    """The library, version 3 or newer, or None. Only its `tj3Decompress8` releases the GIL."""
    for path in filter(None, (ctypes.util.find_library("turbojpeg"), _in_wheel())):
        try:
            lib = ctypes.PyDLL(path)
            lib.tj3Decompress8 = ctypes.CDLL(path).tj3Decompress8
            return _declared(lib)
        except (OSError, AttributeError):  # cannot be loaded; version 2 lacks the functions
            continue
    return None


def _in_wheel() -> str | None:
    try:
        files = metadata.files("turbojpeg") or []
    except metadata.PackageNotFoundError:
        return None
    found = [f for f in files if "libturbojpeg" in f.name or f.name == "turbojpeg.dll"]
    return str(found[0].locate()) if found else None


def _declared(lib: ctypes.PyDLL) -> ctypes.PyDLL:
    handle, integer, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
    lib.tj3Init.restype, lib.tj3Init.argtypes = handle, [integer]
    lib.tj3Destroy.restype, lib.tj3Destroy.argtypes = None, [handle]
    lib.tj3Get.argtypes = [handle, integer]
    lib.tj3Set.argtypes = [handle, integer, integer]
    lib.tj3DecompressHeader.argtypes = [handle, ctypes.c_char_p, size]
    lib.tj3SetCroppingRegion.argtypes = [handle, Region]
    lib.tj3SetScalingFactor.argtypes = [handle, Scale]
    lib.tj3Decompress8.argtypes = [
        handle, ctypes.c_char_p, size, ctypes.c_void_p, integer, integer
    ]  # fmt: skip
    return lib


class _Handle:
    """A decompressor; each thread has its own."""

    def __init__(self, lib: ctypes.PyDLL):
        self.lib, self.value = lib, lib.tj3Init(DECOMPRESS)
        self._of: bytes | None = None
        lib.tj3Set(self.value, STOP_ON_WARNING, 1)  # refuse a damaged JPEG

    def read_header(self, data: bytes) -> bool:
        """Read the header of `data`, unless it was the last one read; False if it is damaged."""
        if self._of is not data:
            self._of = None if self.lib.tj3DecompressHeader(self.value, data, len(data)) else data
        return self._of is data

    def __del__(self) -> None:
        self.lib.tj3Destroy(self.value)


_local = threading.local()


def _handle() -> _Handle | None:
    lib = library()
    if lib is not None and not hasattr(_local, "handle"):
        _local.handle = _Handle(lib)
    return getattr(_local, "handle", None)


def header(data: bytes) -> Header | None:
    """The header of a JPEG of which a region can be decoded; None for any other file.

    None also for a JPEG without an end marker in its last 4 KB, in CMYK, with more than eight bits,
    with an unusual subsampling or a damaged header; and without the library.
    """
    h = _handle()
    if h is None or data.rfind(b"\xff\xd9", -TAIL) < 0 or not h.read_header(data):
        return None
    get = h.lib.tj3Get
    if get(h.value, COLOURSPACE) not in YCBCR_OR_GREY or get(h.value, PRECISION) != 8:
        return None
    result = Header(get(h.value, HEIGHT), get(h.value, WIDTH), get(h.value, SUBSAMPLING))
    return result if result.subsampling in BLOCK else None


def decode(
    data: bytes, header: Header, y: int, x: int, height: int, width: int, shrink: int = 1,
    fast_dct: bool = False, scratch: Scratch | None = None,
) -> np.ndarray | None:  # fmt: skip
    """Decode a region of a JPEG to RGB, uint8 [height, width, 3]; None if it is damaged.

    With `shrink` 1 the pixels equal those of the whole decoded image: smooth upsampling of the
    chroma reads one block to the left and two pixels to the right, so these are decoded too. With
    2, 4 or 8 the region is of the image of ceil(height / shrink) by ceil(width / shrink) pixels.
    The pixels lie in `scratch`, if it is given, and are valid until it is used again.
    """
    h = _handle()
    assert h is not None, "header() gives None without the library"
    lib = h.lib
    block = BLOCK[header.subsampling] // shrink or 1
    left = max(0, x // block - 1) * block
    right = min(-(-header.width // shrink), x + width + RIGHT)
    scratch = scratch or Scratch()
    out = scratch.array(height, right - left)
    failed = (
        not h.read_header(data)
        or lib.tj3Set(h.value, FAST_DCT, int(fast_dct))
        or lib.tj3SetScalingFactor(h.value, Scale(1, shrink))
        or lib.tj3SetCroppingRegion(h.value, Region(left, y, right - left, height))
        or lib.tj3Decompress8(h.value, data, len(data), scratch.address, 0, RGB)
    )
    return None if failed else out[:, x - left : x - left + width]
