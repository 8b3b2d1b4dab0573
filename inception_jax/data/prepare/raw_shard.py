"""A shard of decoded images: their pixels one after another, then an index of them.

    pixels            uint8 [h, w, 3] of each image, in the order of the records
    index             a .npy file: one row an image, see `FIELDS`
    start of index    8 bytes, little-endian

A reader maps the file into memory: the crop of an image reads the pages of its rows, from the page
cache if they are there, and nothing is decoded or copied.
"""

import io
from pathlib import Path

import numpy as np

from inception_jax.data.images.picture import Stored

FIELDS = (("start", "<u8"), ("height", "<u4"), ("width", "<u4"), ("label", "<i4"))


class RawWriter:
    """Writes a shard, image by image; a context manager."""

    def __init__(self, path: Path):
        self._file = path.open("wb")
        self._rows: list[tuple[int, int, int, int, bytes]] = []

    def write(self, pixels: Stored, label: int, file_name: bytes) -> None:
        """Append an image, uint8 [h, w, 3]."""
        assert isinstance(pixels, np.ndarray)
        self._rows.append((self._file.tell(), *pixels.shape[:2], label, file_name))
        self._file.write(pixels.data)

    def __enter__(self) -> "RawWriter":
        return self

    def __exit__(self, error: object, *_: object) -> None:
        """Write the index, unless the body failed."""
        with self._file:
            if error is None:
                longest = max((len(row[-1]) for row in self._rows), default=0)
                index = np.array(self._rows, [*FIELDS, ("name", f"S{longest or 1}")])
                start = self._file.tell()
                np.save(self._file, index)
                self._file.write(start.to_bytes(8, "little"))


def mapped(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of a shard, uint8 [n], not read yet, and its index.

    Raises:
        ValueError, OSError: the file is not a complete shard.
    """
    data = np.memmap(path, np.uint8, "r").view(np.ndarray)
    start = int.from_bytes(data[-8:].tobytes(), "little")
    return data, np.load(io.BytesIO(data[start:-8].tobytes()))
