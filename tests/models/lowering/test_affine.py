"""Tests `inception_jax/models/lowering/affine.py` against NumPy, and its form against the plain."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from inception_jax.models.lowering import forms
from inception_jax.models.lowering.affine import affine, normalised

pytestmark = pytest.mark.usefixtures("quick_compiler")


def test_affine_by_groups():
    """Images 0 and 1 take the first group's factors, 2 and 3 the second's."""
    x = jax.random.normal(jax.random.key(0), (4, 3, 3, 5))
    factor, shift = jax.random.normal(jax.random.key(1), (2, 2, 5))
    want = x * factor.repeat(2, 0)[:, None, None] + shift.repeat(2, 0)[:, None, None]
    np.testing.assert_allclose(affine(x, factor, shift), want, rtol=1e-6)
    got = normalised(x, (factor, shift), relu=True)
    np.testing.assert_allclose(got, np.maximum(want, 0), rtol=1e-6)
    assert normalised(x, None, relu=False) is x


def test_a_shape_that_broadcasting_hides_is_refused():
    """One factor for five channels: without the checker of the tests the result would be wrong."""
    x = jax.random.normal(jax.random.key(0), (2, 3, 3, 5))
    with pytest.raises(TypeCheckError, match="factor"):
        affine(x, x[:1, 0, 0, :1], x[:1, 0, 0, :1])


def both(dtype, groups, relu):
    """(values, gradients by x and factors) of the form for GPUs, and of the plain one."""
    keys = jax.random.split(jax.random.key(0), 4)
    x = jax.random.normal(keys[0], (4, 6, 3, 5)).astype(dtype)
    factors = tuple(jax.random.normal(k, (groups, 5)) for k in keys[1:3])
    seed = jax.random.normal(keys[3], x.shape).astype(dtype)

    def run(platform):
        with forms.for_platform(platform):
            values, back = jax.vjp(partial(normalised, relu=relu), x, factors)
            (dx, by_factors) = back(seed)
        return values, dx, *by_factors

    return jax.jit(lambda: run("gpu"))(), jax.jit(lambda: run("cpu"))()


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_the_form_for_gpus_in_64_bits(float64, relu, groups):
    """Values and gradients to 1e-12."""
    for got, want in zip(*both("float64", groups, relu), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-12)


def test_the_form_for_gpus_in_16_bits():
    """Values and gradient bit for bit; the sums of 16-bit numbers are of 32."""
    (*same, factor, shift), (*equal, want_factor, want_shift) = both("bfloat16", 2, True)
    for got, want in zip(same, equal, strict=True):
        assert got.dtype == jnp.bfloat16 and (got == want).all()
    assert factor.dtype == shift.dtype == jnp.float32
    np.testing.assert_allclose(shift, want_shift, atol=1e-5)
    np.testing.assert_allclose(factor, want_factor, atol=0.1)  # the plain form's product is rounded
