"""Tests `inception_jax/models/lowering/preactivation.py` against NumPy."""

import jax
import numpy as np
import pytest

from inception_jax.models.lowering import forms
from inception_jax.models.lowering.preactivation import Preactivation, activate


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
