"""Tests `onnx_graph`: onnxruntime computes what JAX does."""

import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
import pytest
from jax import export

from inception_jax import models
from inception_jax.models import preprocess
from inception_jax.models.lowering import forms
from inception_jax.weights import onnx_graph
from tests.models.small import drawn

pytestmark = pytest.mark.usefixtures("quick_compiler")


def run_both(forward, photos):
    """The outputs of JAX and of onnxruntime for uint8 images [b, h, w, 3]."""
    shape = export.symbolic_shape("b, " + ", ".join(map(str, photos.shape[1:])))
    with forms.without("platform"):
        graph = onnx_graph.build(forward, jax.ShapeDtypeStruct(shape, "uint8"), "{}")
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return jax.jit(forward)(photos), session.run(None, {"images": photos})[0]


OPERATIONS = {
    "a reversed axis": lambda x: jax.lax.rev(x, (3,)),
    "a slice": lambda x: jax.lax.slice_in_dim(x, 1, 6, 2, axis=1),
    "a border": lambda x: jnp.pad(x, ((0, 0), (1, 2), (0, 0), (0, 0)), constant_values=3.0),
    "two grids": lambda x: jnp.concatenate([x, x * x], -1),
    "a mean over the grid": lambda x: x.mean((1, 2)),
    "a max-pool": lambda x: jax.lax.reduce_window(
        x, -jnp.inf, jax.lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME"
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation(name):
    """Layouts are transposed for each: axes of a grid are others in ONNX."""
    photos = np.random.default_rng(0).integers(0, 255, (2, 6, 5, 3), np.uint8)
    want, got = run_both(lambda x: OPERATIONS[name](x.astype("float32")), photos)
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_an_unknown_operation_is_named():
    """A primitive without a rule is refused at export, not by the runtime."""
    with pytest.raises(NotImplementedError, match="cumsum"):
        run_both(lambda x: jnp.cumsum(x.astype("float32"), 1), np.zeros((1, 4, 4, 3), np.uint8))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        ("googlenet", "paper"),  # local response normalisation
        ("bn_inception", "cadene"),  # BGR, pools with ceil
        ("inception_v3", "keras"),  # average pools that leave padding out
        ("inception_resnet_v1", "facenet"),  # an embedding
        ("xception", "keras"),  # depthwise convolutions
    ],
)
def test_a_network(name, dialect):
    """One network for each operation that the others lack."""
    size = 128
    model = models.create(name, dialect=dialect, num_classes=0, width=0.125)
    variables = jax.tree.map(jax.numpy.asarray, drawn(model, size))

    def forward(images):
        return model.apply(variables, preprocess.as_input(images, model)).logits

    photos = np.random.default_rng(0).integers(0, 255, (2, size, size, 3), np.uint8)
    want, got = run_both(forward, photos)
    assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()
