"""Tests `inception_jax/train/margins.py`: each loss by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.models.layers import Cosines
from inception_jax.train import margins
from inception_jax.train.losses import running

LABELS = jnp.asarray([0, 0, 1, 1, 2])
FEATURES = jax.random.normal(jax.random.key(0), (5, 3))


@pytest.mark.parametrize("margin", [0.0, 0.2])
def test_triplets_are_the_hardest_of_the_batch(margin):
    """For each anchor the farthest of its class, the nearest of another; by loops."""
    x = np.asarray(FEATURES) / np.linalg.norm(FEATURES, axis=1, keepdims=True)
    expected, nearer = [], []
    for i in range(5):
        far = [np.linalg.norm(x[i] - x[j]) for j in range(5)]
        positive = max([far[j] for j in range(5) if LABELS[j] == LABELS[i] and j != i] or [0])
        negative = min(far[j] for j in range(5) if LABELS[j] != LABELS[i])
        apart = positive - negative
        expected.append(max(margin + apart, 0) if margin else np.log1p(np.exp(apart)))
        nearer.append(apart < 0)
    found = margins.triplet(FEATURES, LABELS, margin)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert jnp.allclose(running("triplet", FEATURES, LABELS)["top1"], np.mean(nearer))


def test_a_batch_of_equal_images_or_of_one_class_has_a_gradient():
    """No NaN where distances are 0, or no image is of another class."""
    for labels in (LABELS, jnp.zeros(5, int)):
        loss = lambda x, y=labels: margins.triplet(x, y, 0.0).sum()  # noqa: E731
        assert jnp.isfinite(jax.grad(loss)(jnp.ones((5, 3)))).all()
        assert jnp.isfinite(jax.grad(loss)(FEATURES)).all()


def test_margins_between_classes_by_hand():
    """cos - m and cos(angle + m) for the label, times the scale."""
    cosines, labels = jnp.asarray([[0.9, -0.3], [0.2, 0.5]]), jnp.asarray([0, 0])
    for loss, own in ((margins.cosface, cosines[:, 0] - 0.3),
                      (margins.arcface, jnp.cos(jnp.arccos(cosines[:, 0]) + 0.3))):  # fmt: skip
        logits = 8 * jnp.stack([own, cosines[:, 1]], axis=1)
        expected = -jax.nn.log_softmax(logits)[:, 0]
        assert jnp.allclose(loss(cosines, labels, 0.3, 8.0), expected, rtol=1e-4)


@pytest.mark.slow
def test_arcface_falls_beyond_pi():
    """The loss rises with the angle, to the end; gradients are finite at cosines of 1 and -1."""
    cosines = jnp.linspace(-1, 1, 201)[:, None] * jnp.asarray([[1.0, 0.0]])
    loss = lambda x: margins.arcface(x, jnp.zeros(201, int), 0.5, 8.0)  # noqa: E731
    assert (jnp.diff(loss(cosines)) < 1e-6).all()
    assert jnp.isfinite(jax.grad(lambda x: loss(x).sum())(cosines)).all()


def test_outputs_are_cosines():
    """Whatever the lengths of features and kernels."""
    layer = Cosines(4, jax.nn.initializers.normal(3.0))
    variables = layer.init(jax.random.key(1), FEATURES)
    out = layer.apply(variables, FEATURES)
    kernel = variables["params"]["kernel"]
    expected = (FEATURES @ kernel) / jnp.outer(
        jnp.linalg.norm(FEATURES, axis=1), jnp.linalg.norm(kernel, axis=0)
    )
    assert jnp.allclose(out, expected, atol=1e-5)
