"""Decodes images of any number of channels: arrays, pages of a TIFF, and grey files."""

import io

import cv2
import numpy as np

from inception_jax.data.images.decode import JPEG, BadImageError, decode

NPY, TIFF = b"\x93NUMPY", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def array(data: bytes) -> np.ndarray:
    """The array [h, w, c] of a .npy file, or the grey pages of a TIFF as channels, in their order.

    Raises:
        BadImageError: other bytes, or pages of different sizes or with colours.
    """
    if data.startswith(NPY):
        try:
            pixels = np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, EOFError, OSError) as e:
            raise BadImageError(f"damaged .npy file: {e}") from e
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        if pixels.ndim != 3 or not pixels.size:
            raise BadImageError(f"expected an array [h, w, c] or [h, w], got shape {pixels.shape}")
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if not data.startswith(TIFF):
        raise BadImageError(f"expected a .npy or TIFF file, it starts with {data[:8]!r}")
    try:
        readable, pages = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as e:
        raise BadImageError(str(e).splitlines()[0]) from e
    if not readable or not pages:
        raise BadImageError("damaged or truncated TIFF")
    return stacked(list(pages))


def grey(data: bytes) -> np.ndarray:
    """One channel [h, w, 1] of an image file, uint8 or uint16; of a coloured one its luma.

    Raises:
        BadImageError: as `decode`.
    """
    if data.startswith(JPEG):
        return luma(decode(data))
    if not data:
        raise BadImageError("the file is empty")
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as e:
        raise BadImageError(str(e).splitlines()[0]) from e
    if pixels is None:
        raise BadImageError(f"damaged, or not an image: it starts with {data[:8]!r}")
    return pixels[..., None]


def luma(pixels: np.ndarray) -> np.ndarray:
    """The luma [h, w, 1] of RGB pixels, uint8 [h, w, 3]; of equal channels one of them."""
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None]


def stacked(pages: list[np.ndarray]) -> np.ndarray:
    """Grey images [h, w] or [h, w, 1] as the channels of one, [h, w, c].

    Raises:
        BadImageError: they have colours, or different sizes or dtypes.
    """
    pages = [page[..., 0] if page.shape[2:] == (1,) else page for page in pages]
    kinds = list(dict.fromkeys((page.shape, page.dtype) for page in pages))
    if len(kinds) > 1 or len(kinds[0][0]) != 2:
        found = ", ".join(f"{'x'.join(map(str, shape))} {dtype}" for shape, dtype in kinds)
        raise BadImageError(f"expected grey images of one size and dtype, got {found}")
    return np.stack(pages, axis=-1)


def checked(pixels: np.ndarray, channels: int, dtype: str) -> np.ndarray:
    """`pixels` [h, w, channels] of `dtype`, all of them finite.

    Raises:
        BadImageError: they are not; the config's key is named.
    """
    if pixels.shape[2] != channels:
        first = pixels.shape[0] == channels
        advice = ", channels first: store [h, w, c]" if first else ", or set data.channels"
        raise BadImageError(f"expected {channels} channels, got {pixels.shape[2]}{advice}")
    if pixels.dtype != dtype:
        raise BadImageError(f"expected {dtype}, got {pixels.dtype}: convert it, or set data.dtype")
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise BadImageError(f"{np.count_nonzero(~np.isfinite(pixels))} numbers are NaN or infinite")
    return pixels


def shown(pixels: np.ndarray) -> np.ndarray:
    """An image [h, w, c] of any dtype as a person sees it: uint8 [h, w, 3].

    One or two channels are drawn as their mean, the first three of more as red, green and blue;
    numbers of more than 8 bits are scaled to the image's own range.
    """
    colours = pixels[..., :3].astype(np.float32)
    if pixels.shape[2] < 3:
        colours = colours.mean(axis=2, keepdims=True).repeat(3, axis=2)
    if pixels.dtype != np.uint8:
        low, high = colours.min(), colours.max()
        colours = (colours - low) * (255 / (high - low) if high > low else 0)
    return np.rint(colours).astype(np.uint8)
