"""JPEGs of which only the blocks below a crop are decoded: restart markers, and an index of them.

The Huffman code of a JPEG is one stream: without more, a decoder reads it from the beginning to the
crop's last row. A restart marker ends a byte and forgets what came before, so that intervals between
markers can be decoded alone. `encode` writes several intervals in each row of blocks and their
positions in a comment; `cut` makes of the intervals below a crop a smaller JPEG. Any other decoder
ignores the comment and reads the whole image.
"""

import re
import struct

import cv2
import numpy as np

BLOCK = 16  # pixels a side of a coded block with 4:2:0
PIECES = 16  # intervals in a row of blocks, at most
LONGEST_SIDE = 65_500  # of a JPEG that libjpeg writes
JFIF = 20  # bytes before the comment: start marker and JFIF's own segment
TAG = b"inception_jax.restarts"
FIELDS = struct.Struct("<IIHHH")  # of the index: see `_parse`
RESTARTS = 0xD0 + np.arange(2**14, dtype=np.uint8) % 8  # the second bytes of markers, in order
END = b"\xff\xd9"


def encode(pixels: np.ndarray, quality: int) -> bytes:
    """A JPEG of `pixels`, uint8 [h, w, 3]: baseline, 4:2:0, its own Huffman tables, an index.

    A row of blocks has as many intervals as divide its length, at most 16: an interval has the same
    number of blocks in the whole file. The markers and their index are 2% of the bytes.
    """
    height, width = pixels.shape[:2]
    blocks = -(-width // BLOCK)
    pieces = next(n for n in range(PIECES, 0, -1) if blocks % n == 0)
    options = {
        cv2.IMWRITE_JPEG_QUALITY: quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
        cv2.IMWRITE_JPEG_OPTIMIZE: 1,
        cv2.IMWRITE_JPEG_RST_INTERVAL: blocks // pieces,
    }
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [n for kv in options.items() for n in kv]
    )
    return _indexed(data.tobytes(), height, width, pieces)


def _indexed(data: bytes, height: int, width: int, pieces: int) -> bytes:
    """The JPEG with the positions of its intervals in a comment; without, where they do not fit."""
    at, sizes = 2, 0
    while data[at + 1] != 0xDA:  # start of scan
        sizes = at + 5 if data[at + 1] == 0xC0 else sizes  # height and width in the frame's header
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    scan = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    markers = re.compile(rb"\xff[\xd0-\xd7]").finditer(data, scan)
    starts = [scan, *(m.end() for m in markers), len(data)]
    length = 2 + len(TAG) + FIELDS.size + 4 * len(starts)
    if length > 0xFFFF or len(starts) > len(RESTARTS):
        return data
    shift = length + 2
    fields = FIELDS.pack(sizes + shift, scan + shift, height, width, pieces)
    index = (np.array(starts, "<u4") + shift).tobytes()
    comment = b"\xff\xfe" + length.to_bytes(2, "big") + TAG + fields + index
    return data[:JFIF] + comment + data[JFIF:]


def cut(data: bytes, y: int, x: int, height: int, width: int) -> tuple[bytes, int, int]:
    """A smaller JPEG that has the box `height` x `width` at `y`, `x`, and its place in there.

    The box has the pixels that it has in the whole image: what smooth upsampling of the chroma
    reads beside it, two pixels, is in the smaller JPEG too. Without an index in `data`, or if all of
    it is needed, the file itself.
    """
    at = JFIF + 4 + len(TAG)
    if data[JFIF + 4 : at] != TAG:
        return data, y, x
    sizes, scan, high, wide, pieces = FIELDS.unpack_from(data, at)
    at, end = at + FIELDS.size, JFIF + 2 + int.from_bytes(data[JFIF + 2 : JFIF + 4], "big")
    rows = -(-high // BLOCK)
    count = rows * pieces + 1
    if end - at != 4 * count or end > len(data):
        return data, y, x
    step = -(-wide // BLOCK) // pieces * BLOCK
    top, bottom = max(0, (y - 1) // BLOCK), min(rows, (y + height) // BLOCK + 1)
    left, right = max(0, (x - 1) // step), min(pieces, (x + width) // step + 1)
    if bottom - top == rows and right - left == pieces:
        return data, y, x
    starts = np.frombuffer(data, "<u4", count, at).astype(np.int64)
    y0, x0 = top * BLOCK, left * step
    size = struct.pack(">HH", min(high, bottom * BLOCK) - y0, min(wide, right * step) - x0)
    head = b"".join((data[:JFIF], data[end:sizes], size, data[sizes + 4 : scan]))
    row = np.arange(top * pieces, bottom * pieces, pieces)
    first, last = starts[row + left], starts[row + right]
    rows_of_bytes = [data[i:j] for i, j in zip(first.tolist(), last.tolist(), strict=True)]
    smaller = bytearray(b"".join((head, *rows_of_bytes)))
    # Markers count from 0 to 7: the second byte of each, at an interval's end, is numbered again.
    ends = starts[row[:, None] + np.arange(left + 1, right + 1)]
    moved = len(head) + np.cumsum(last - first) - last
    bytes_of = np.frombuffer(smaller, np.uint8)
    bytes_of[(ends + moved[:, None]).ravel() - 1] = RESTARTS[: ends.size]
    smaller[-2:] = END
    return bytes(smaller), y - y0, x - x0
