"""Tests `inception_jax/models/lowering/preactivation.py` against NumPy."""

import jax
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from inception_jax.models.lowering import forms
from inception_jax.models.lowering.preactivation import Preactivation, activate, affine


def test_affine_by_groups():
    """Images 0 and 1 take the first group's factors, 2 and 3 the second's."""
    x = jax.random.normal(jax.random.key(0), (4, 3, 3, 5))
    factor, shift = jax.random.normal(jax.random.key(1), (2, 2, 5))
    want = x * factor.repeat(2, 0)[:, None, None] + shift.repeat(2, 0)[:, None, None]
    np.testing.assert_allclose(affine(x, factor, shift), want, rtol=1e-6)
    assert affine(x, None, None) is x


@pytest.mark.parametrize("relu", [False, True])
def test_activate(relu):
    """Normalisation, and ReLU where there is one; deferred only with it, and if the form is on."""
    x = jax.random.normal(jax.random.key(0), (2, 3, 3, 5))
    factors = jax.random.uniform(jax.random.key(1), (2, 1, 5))
    want = x * factors[0] + factors[1]
    want = np.maximum(want, 0) if relu else want
    np.testing.assert_allclose(activate(x, tuple(factors), relu, defer=False), want, rtol=1e-6)
    assert isinstance(activate(x, None, relu, defer=True), Preactivation) == relu
    with forms.without("deferred"):
        assert not isinstance(activate(x, None, relu, defer=True), Preactivation)


def test_a_shape_that_broadcasting_hides_is_refused():
    """One factor for five channels: without the checker of the tests the result would be wrong."""
    x = jax.random.normal(jax.random.key(0), (2, 3, 3, 5))
    with pytest.raises(TypeCheckError, match="factor"):
        affine(x, x[:1, 0, 0, :1], x[:1, 0, 0, :1])
