"""Tests `inception_jax/models/lowering/blocks.py`: blocks of pixels give XLA's own convolution."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.models.lowering import blocks, cpu, forms, ops

pytestmark = pytest.mark.usefixtures("quick_compiler")

slow = partial(pytest.param, marks=pytest.mark.slow)


def both(dtype, grid, size, c, stride, padding):
    """(values, gradients by image and kernel) in blocks, and of the plain convolution."""
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (2, *grid, c)).astype(dtype)
    kernel = (jax.random.normal(keys[1], (*size, c, 6)) / c).astype(dtype)
    pads = ops.pads(grid, size, stride, padding, "torch" if padding == "torch" else "tf")

    def run(conv):
        values, back = jax.vjp(lambda x, k: conv(x, k, stride, pads), x, kernel)
        return values, *back(jax.random.normal(keys[2], values.shape).astype(values.dtype))

    return jax.jit(lambda: run(blocks.conv))(), jax.jit(lambda: run(cpu.plain_conv))()


@pytest.mark.parametrize(
    ("grid", "size", "c", "stride", "padding"),
    [
        ((9, 8), (3, 3), 4, 1, "VALID"),  # 9 is odd: a row of the last blocks is cut off
        slow((9, 8), (3, 3), 4, 1, "SAME"),
        slow((8, 9), (3, 3), 3, 2, "VALID"),  # three channels become four
        ((9, 10), (7, 7), 3, 2, "torch"),  # GoogLeNet's first
        slow((7, 7), (3, 3), 2, 2, "VALID"),
    ],
)
def test_values_and_gradients_equal_the_plain_convolution(float64, grid, size, c, stride, padding):
    """In float64 to 1e-12, on grids that no number of blocks fills."""
    for got, want in zip(*both("float64", grid, size, c, stride, padding), strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, atol=1e-12)


@pytest.mark.parametrize(("c", "stride"), [(32, 1), (3, 2)])
def test_in_16_bits(c, stride):
    """Sums of the same products: rounding, and for the kernel's gradient nothing more."""
    for got, want in zip(*both("bfloat16", (9, 8), (3, 3), c, stride, "SAME"), strict=True):
        assert got.dtype == jnp.bfloat16
        got, want = np.asarray(got, np.float32), np.asarray(want, np.float32)
        np.testing.assert_allclose(got, want, atol=0.02 * np.abs(want).max())


@pytest.mark.parametrize(
    ("side", "size", "c", "stride", "dtype", "fits"),
    [
        (299, 3, 3, 2, "bfloat16", True),  # the stem's first three
        (149, 3, 32, 1, "bfloat16", True),
        (224, 7, 3, 2, "bfloat16", True),
        (149, 3, 32, 1, "float32", False),
        (73, 3, 80, 1, "bfloat16", False),
        (35, 3, 32, 1, "bfloat16", False),
        (149, 3, 32, 2, "bfloat16", False),
        (149, 1, 32, 1, "bfloat16", False),
        (149, 5, 32, 1, "bfloat16", False),
    ],
)
def test_which_convolutions(side, size, c, stride, dtype, fits):
    """Few channels, many pixels, 16 bits; elsewhere the arithmetic would cost more."""
    x = jax.ShapeDtypeStruct((2, side, side, c), dtype)
    kernel = jax.ShapeDtypeStruct((size, size, c, 64), dtype)

    def channels(platform):  # that the program's one convolution reads
        with forms.for_platform(platform):
            conv = partial(ops.conv, stride=stride, pads=((0, 0), (0, 0)))
            found = jax.make_jaxpr(conv)(x, kernel).eqns
        return [
            e.invars[0].aval.shape[-1] for e in found if e.primitive.name == "conv_general_dilated"
        ]

    assert channels("gpu") == [max(16, 4 * c) if fits else c]
    assert channels("tpu") == [c]
