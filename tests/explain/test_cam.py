"""Tests `inception_jax/explain/cam.py`: Grad-CAM and Grad-CAM++."""

import jax
import numpy as np
import pytest

from inception_jax import explain, models
from inception_jax.explain import cam, rows
from tests.explain.branched import image, logits, network

pytestmark = pytest.mark.usefixtures("quick_compiler")


def test_the_last_row_in_closed_form():
    """Above the last row is a mean and a matrix: the gradient is the matrix over the positions."""
    model, variables = network()
    x = image()
    out = jax.jit(lambda v: model.apply(v, x[None], endpoints=True))(variables)
    features = np.asarray(out.endpoints["second"][0])
    kernel = np.asarray(variables["params"]["logits"]["kernel"])[:, 3]
    grid = features.shape[:2]
    at = cam.row_gradient(model, variables, x, 3)
    expected = np.broadcast_to(kernel / np.prod(grid), features.shape)
    np.testing.assert_allclose(at.gradients, expected, rtol=1e-5)
    heat = explain.grad_cam(model, variables, x, 3)
    np.testing.assert_allclose(heat, np.maximum(features @ kernel, 0) / 64, rtol=1e-4, atol=1e-7)
    assert heat.shape == grid and heat.dtype == np.float32


def test_gradients_by_a_row():
    """The gradient by a row is that of finite differences of the logit by its output."""
    model, variables = network()
    at = cam.row_gradient(model, variables, image(), 2, "first")
    size = float(np.linalg.norm(at.gradients))
    step = 0.02 * at.gradients / size

    def logit(change):
        probe = {"probes": {"row_first": change[None]}}
        return float(logits({**variables, **probe}, image())[2])

    assert logit(step) - logit(-step) == pytest.approx(0.04 * size, rel=0.05)


def test_plus_plus_is_equation_19(monkeypatch):
    """Without the added epsilon the weights are those of the paper."""
    model, variables = network()
    at = cam.row_gradient(model, variables, image(), 1)
    expected = 0
    for c in range(at.gradients.shape[-1]):
        g, a = at.gradients[..., c].astype(float), at.activations[..., c].astype(float)
        weight = sum(max(v, 0) * v**2 / (2 * v**2 + a.sum() * v**3) for v in g.ravel())
        expected = expected + weight * a
    monkeypatch.setattr(cam, "EPSILON", 0.0)
    heat = explain.grad_cam_plus_plus(model, variables, image(), 1)
    np.testing.assert_allclose(heat, np.maximum(expected, 0), rtol=1e-4, atol=1e-6)


def test_folded_and_batched():
    """A folded network and an image with a batch axis give the same map."""
    model, variables = network()
    folded = models.fold(model, variables)
    for method in (explain.grad_cam, explain.grad_cam_plus_plus):
        want = method(model, variables, image(), 0, "first")
        got = method(*folded, image()[None], 0, "first")
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-6)
        assert want.max() > 0


def test_the_last_row_with_a_grid(monkeypatch):
    """Rows of one position are passed over."""
    given = *network(), 16, None
    assert rows.chosen(*given) == "second"
    shapes = rows.of_network(*given[:3])
    one = jax.ShapeDtypeStruct((1, 1, 1, 32), "float32")
    monkeypatch.setattr(rows, "of_network", lambda *_: {**shapes, "row_second": one})
    assert rows.chosen(*given) == "first"


def test_refusals():
    """An unknown row, a class that is not there, and several images."""
    model, variables = network()
    for change, message in (
        ({"row": "secand"}, "unknown row 'secand'.*did you mean 'second'"),
        ({"class_index": 5}, "one of the network's 5 outputs, got 5"),
        ({"image": np.zeros((2, 16, 16, 3), np.float32)}, "expected one image"),
    ):
        given = {"image": image(), "class_index": 0} | change
        with pytest.raises(ValueError, match=message):
            explain.grad_cam(model, variables, **given)
