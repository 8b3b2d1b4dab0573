"""Tests `inception_jax/models/whitening.py`: the fixed kernel, with data and without."""

import jax
import jax.numpy as jnp
import numpy as np

from inception_jax.models import whitening
from tests.models.small import small


def correlated(count=20_000):
    """Patches whose numbers are mixed by a random matrix."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 12)) @ rng.normal(size=(12, 12)) + rng.normal(size=12)


def test_it_whitens():
    """What the first 12 filters give has unit covariance, but for epsilon; then their negatives."""
    covariance = np.cov(correlated().T, bias=True)
    kernel = whitening.kernel(covariance)
    assert kernel.shape == (2, 2, 3, 24)
    matrix = kernel.reshape(12, 24)
    found = matrix[:, :12].T @ covariance @ matrix[:, :12]
    np.testing.assert_allclose(found, np.diag(found.diagonal()), atol=1e-9)
    assert (found.diagonal()[:11] > 0.9).all() and (found.diagonal() < 1).all()
    np.testing.assert_array_equal(matrix[:, 12:], -matrix[:, :12])


def test_it_is_airbenchs_formula():
    """Eigenvectors over sqrt(eigenvalue + 5e-4) for pixels of variance 1, largest first."""
    covariance = np.cov(correlated().T, bias=True)
    covariance *= 12 / covariance.trace()
    values, vectors = np.linalg.eigh(covariance)
    expected = (vectors / np.sqrt(values + 5e-4))[:, ::-1]
    found = whitening.kernel(covariance).reshape(12, 24)[:, :12]
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)


def test_the_scale_of_the_pixels_has_no_effect():
    """The kernel of pixels in 0..255 gives what that of pixels in -1..1 does."""
    covariance = np.cov(correlated().T, bias=True)
    once, large = whitening.kernel(covariance), whitening.kernel(covariance * 127.5**2)
    np.testing.assert_allclose(large * 127.5, once, rtol=1e-9)


def test_without_data_it_is_orthonormal():
    """Cosines, the first of them the mean; the seed draws nothing."""
    first, other = (
        whitening.unfitted(jax.random.key(i), (2, 2, 3, 24), jnp.float32) for i in (0, 1)
    )
    np.testing.assert_array_equal(first, other)
    matrix = np.asarray(first).reshape(12, 24)
    np.testing.assert_allclose(matrix[:, :12].T @ matrix[:, :12], np.eye(12), atol=1e-6)
    np.testing.assert_allclose(matrix[:, 0], 12**-0.5, rtol=1e-6)


def test_the_row():
    """24 channels at any width, a bias that has a gradient, a kernel that has none, ReLU."""
    names = [row.name for row in small("googlenet", stem="whitened").rows()]
    model = small("googlenet", stem="whitened", drop_rows=tuple(names[1:]))
    assert model.fixed == model.without_l2 == ("whiten",)
    images = jax.random.normal(jax.random.key(0), (2, 32, 32, 3))
    params = jax.jit(model.init)(jax.random.key(0), images)["params"]

    def outputs(params):
        return model.apply({"params": params}, images, endpoints=True).endpoints["whiten"]

    out, pull = jax.jit(lambda p: jax.vjp(outputs, p))(params)
    assert out.shape == (2, 31, 31, 24) and float(out.min()) == 0
    (grads,) = pull(jnp.ones_like(out))
    grads = grads["whiten"]
    assert not grads["kernel"].any() and grads["bias"].all()
