"""Tests `inception_jax/models/lowering/cpu.py`, by `ops`: its forms equal XLA's own."""

from functools import partial

import jax
import jax.numpy as jnp
import jaxlib.version
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inception_jax.models.lowering import ops
from inception_jax.runtime import xla_options

pytestmark = pytest.mark.usefixtures("quick_compiler")
slow = partial(pytest.param, marks=pytest.mark.slow)


def once(function):
    """`function`, compiled quickly since it runs once."""
    return jax.jit(function, compiler_options=xla_options.once())


def check_conv(n, c, k, stride, padding):
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (2, n, n, c))
    w = jax.random.normal(keys[1], (*k, c, 4)) / c
    pads = ops.pads((n, n), k, stride, padding)

    def plain(x, w):
        dims = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x, w, (stride, stride), pads, dimension_numbers=dims)

    ct = jax.random.normal(keys[2], jax.eval_shape(plain, x, w).shape)

    @once
    def both(x, w, ct):
        want, back = jax.vjp(plain, x, w)
        got, ours = jax.vjp(lambda x, w: ops.conv(x, w, stride, pads), x, w)
        return (got, ours(ct)), (want, back(ct))

    (got, ours), (want, theirs) = both(x, w, ct)
    np.testing.assert_allclose(got, want, atol=1e-4)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-3)


@pytest.mark.parametrize(
    ("n", "c", "k", "stride", "padding"),
    [
        (8, 20, (1, 1), 2, "SAME"),  # a matrix product
        (35, 20, (3, 3), 1, "VALID"),  # one row more
        (4, 20, (5, 5), 1, "SAME"),  # a kernel larger than its input
        slow(18, 20, (5, 5), 1, "SAME"),
        (19, 3, (3, 3), 2, "VALID"),  # few channels
        slow(19, 64, (3, 3), 2, "SAME"),  # many channels
        slow(17, 20, (7, 1), 1, "SAME"),
    ],
)
def test_conv_and_its_gradients_equal_lax(n, c, k, stride, padding):
    """One case for each form."""
    check_conv(n, c, k, stride, padding)


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(
    n=st.sampled_from([4, 7, 8, 9, 18, 19, 35]),
    c=st.sampled_from([3, 20, 64]),  # channels at which the form changes
    k=st.sampled_from([(1, 1), (3, 3), (5, 5), (1, 7), (7, 1), (2, 2)]),
    stride=st.integers(1, 2),
    padding=st.sampled_from(["SAME", "VALID"]),
)
def test_any_conv_and_its_gradients_equal_lax(n, c, k, stride, padding):
    """In any of these combinations that has an output; networks refuse the others."""
    assume(padding == "SAME" or n >= max(k))
    check_conv(n, c, k, stride, padding)


@pytest.mark.skipif(
    jaxlib.version.__version_info__ < xla_options.CPU_OPTIONS_SINCE, reason="has no YNNPACK"
)
def test_a_kernel_larger_than_its_input_is_run_by_a_library():
    """XLA's own loops, which it takes by default, are twenty times as slow."""
    x, w = jnp.zeros((2, 4, 4, 24)), jnp.zeros((5, 5, 24, 64))
    pads = ops.pads((4, 4), (5, 5), 1, "SAME")
    compiled = jax.jit(lambda x, w: ops.conv(x, w, 1, pads)).lower(x, w).compile()
    assert "ynn_fusion" in compiled.as_text()


@pytest.mark.parametrize(("c", "stride"), [(64, 2), (20, 1)])
def test_a_gradient_in_16_bits_is_summed_in_32(c, stride):
    """In bfloat16 the sum over images and pixels is rounded once, at the end."""
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (8, 19, 19, c), jnp.bfloat16)
    w = jax.random.normal(keys[1], (3, 3, c, 8), jnp.bfloat16)
    pads = ops.pads((19, 19), (3, 3), stride, "SAME")
    shape = jax.eval_shape(lambda x, w: ops.conv(x, w, stride, pads), x, w).shape
    ct = jax.random.normal(keys[2], shape, jnp.bfloat16)

    @once
    def gradient(x, w, ct):
        return jax.vjp(lambda w: ops.conv(x, w, stride, pads), w)[1](ct)[0]

    got = gradient(x, w, ct)
    want = gradient(*(a.astype(jnp.float32) for a in (x, w, ct)))
    assert got.dtype == jnp.bfloat16

    def rms(x):
        return jnp.sqrt(jnp.square(x.astype(jnp.float32) - want).mean())

    assert rms(got) <= 1.1 * rms(want.astype(jnp.bfloat16))


def check_max_pool(n, k, stride, style, ties):
    x = jax.random.normal(jax.random.key(n), (2, n, n, 3))
    x = jnp.maximum(x, 0) if ties else x
    pads = ops.pads((n, n), (k, k), stride, "SAME", style, pool=True)

    def plain(x):
        return jax.lax.reduce_window(
            x, -jnp.inf, jax.lax.max, (1, k, k, 1), (1, stride, stride, 1), ((0, 0), *pads, (0, 0))
        )

    ct = jax.random.normal(jax.random.key(9), jax.eval_shape(plain, x).shape)

    @once
    def both(x, ct):
        want, back = jax.vjp(plain, x)
        got, ours = jax.vjp(lambda x: ops.max_pool(x, (k, k), stride, pads), x)
        return (got, ours(ct)[0]), (want, back(ct)[0])

    (got, ours), (want, theirs) = both(x, ct)
    assert (got == want).all()
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("n", "k", "stride", "style", "ties"),
    [
        (7, 3, 2, "tf", True),
        (8, 3, 2, "ceil", False),
        (6, 3, 1, "torch", True),
        (5, 2, 2, "tf", True),
    ],
)
def test_max_pool_and_its_gradient_equal_lax(n, k, stride, style, ties):
    """A tie's gradient goes to the same pixel."""
    check_max_pool(n, k, stride, style, ties)


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(
    n=st.integers(3, 9), k=st.sampled_from([2, 3]), stride=st.integers(1, 2),
    style=st.sampled_from(["tf", "torch", "ceil"]), ties=st.booleans(),
)  # fmt: skip
def test_any_max_pool_and_its_gradient_equal_lax(n, k, stride, style, ties):
    """In any of these combinations."""
    check_max_pool(n, k, stride, style, ties)
