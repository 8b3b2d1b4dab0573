"""Convolutions of few channels on blocks of 2x2 pixels: four times as many channels.

cuDNN's kernels want tens of channels, in multiples of eight: on an H100 the stem's 3x3s from 32
channels take some eight times what their arithmetic and bytes need, and the first layer's image of
three channels is copied to be padded (issue 18). A block's pixels as channels are the same numbers
in nearly the same order, so that whatever writes or reads them can do so in blocks.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from inception_jax.models.lowering.cpu import Pads, output_grid, plain_conv

FEW = 32  # channels that a convolution of stride 1 may read at most
LARGE = 64  # pixels a side from which it is worth 1.8 times the arithmetic: of a 3x3
NONE = ((0, 0), (0, 0))  # no padding, of two axes
IMAGE = 4  # channels that one of stride 2 may read at most; fewer are filled up with zeros


def fits(x: Float[Array, "b h w c"], kernel: Float[Array, "kh kw c d"], stride: int) -> bool:
    """Whether `conv` is faster for `x`, in 16 bits and thus on tensor cores."""
    (kh, kw, c, _), small = kernel.shape, min(x.shape[1:3]) < LARGE
    if x.dtype.itemsize != 2 or small or min(kh, kw) < 3:
        return False
    return c <= IMAGE if stride == 2 else stride == 1 and kh == kw == 3 and c <= FEW


def conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "kh kw c d"], stride: int, pads: Pads
) -> Float[Array, "b h2 w2 d"]:
    """Convolution of `x` with `kernel`, of stride 1 or 2: exactly, with zeros where it reads none.

    The kernel is laid out inside the program; the parameters are the paper's.
    """
    strided = conv_stride_2 if stride == 2 else conv_stride_1
    return strided(x, kernel, pads, output_grid(x, kernel, stride, pads))


def conv_stride_1(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "kh kw c d"],
    pads: Pads,
    grid: tuple[int, int],
) -> Float[Array, "b h2 w2 d"]:
    """All four pixels of a block of the output from the blocks that they read."""
    kh, kw, _, d = kernel.shape
    size = kh // 2 + 1, kw // 2 + 1  # blocks that a block reads
    blocks = (-(-grid[0] // 2), -(-grid[1] // 2))
    shifted = [
        _in_blocks(jnp.pad(kernel, ((i, 2 * size[0] - kh - i), (j, 2 * size[1] - kw - j), *NONE)))
        for i in (0, 1)
        for j in (0, 1)
    ]
    wide = jnp.concatenate(shifted, -1)
    y = plain_conv(_to_blocks(x, pads, blocks, size), wide, 1, NONE)
    y = y.reshape(*y.shape[:3], 2, 2, d).transpose(0, 1, 3, 2, 4, 5)
    return y.reshape(y.shape[0], 2 * blocks[0], 2 * blocks[1], d)[:, : grid[0], : grid[1]]


def conv_stride_2(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "kh kw c d"],
    pads: Pads,
    grid: tuple[int, int],
) -> Float[Array, "b h2 w2 d"]:
    """One pixel of the output for each block."""
    kh, kw, c, _ = kernel.shape
    size = -(-kh // 2), -(-kw // 2)
    more = (0, -c % IMAGE)
    kernel = jnp.pad(kernel, ((0, 2 * size[0] - kh), (0, 2 * size[1] - kw), more, (0, 0)))
    x = jnp.pad(x, (*NONE, (0, 0), more))
    return plain_conv(_to_blocks(x, pads, grid, size), _in_blocks(kernel), 1, NONE)


def _to_blocks(
    x: Float[Array, "b h w c"], pads: Pads, blocks: tuple[int, int], size: tuple[int, int]
) -> Float[Array, "b h2 w2 c4"]:
    """The blocks that windows of `size` blocks read, at `blocks` places; zeros outside `x`."""
    spans = [2 * (n + k - 1) for n, k in zip(blocks, size, strict=True)]
    around = [
        (before, span - n - before, 0)  # negative where no window reads the last pixel
        for (before, _), span, n in zip(pads, spans, x.shape[1:3], strict=True)
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *around, (0, 0, 0)])
    b, h, w, c = x.shape
    x = x.reshape(b, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // 2, w // 2, 4 * c)


def _in_blocks(kernel: Float[Array, "kh kw c d"]) -> Float[Array, "kh2 kw2 c4 d"]:
    """A kernel of even size, which reads blocks."""
    kh, kw, c, d = kernel.shape
    kernel = kernel.reshape(kh // 2, 2, kw // 2, 2, c, d).transpose(0, 2, 1, 3, 4, 5)
    return kernel.reshape(kh // 2, kw // 2, 4 * c, d)
