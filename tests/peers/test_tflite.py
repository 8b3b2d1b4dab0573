"""Tests that LiteRT runs the .tflite that `export` writes."""

import jax
import numpy as np
import pytest

from inception_jax import models
from inception_jax.models import preprocess
from inception_jax.models.lowering import forms
from inception_jax.weights import tflite
from inception_jax.weights.export_graph import UNMERGED
from tests.models.small import drawn

pytestmark = [pytest.mark.peers, pytest.mark.usefixtures("quick_compiler")]


@pytest.mark.parametrize(
    ("name", "dialect", "batches"),
    [
        ("googlenet", "paper", (1,)),  # LiteRT resizes no local response normalisation
        ("bn_inception", "cadene", (1, 3)),  # BGR, pools with ceil
        ("inception_v3", "keras", (1, 3)),  # average pools that leave padding out
        ("inception_resnet_v1", "facenet", (1, 3)),  # an embedding
        ("xception", "keras", (1, 3)),  # depthwise convolutions
    ],
)
def test_litert_gives_our_logits(name, dialect, batches):
    """To 1e-4; biases and ReLUs are merged into the convolutions."""
    from ai_edge_litert.interpreter import Interpreter

    size = 128
    model = models.create(name, dialect=dialect, num_classes=10, width=0.125)
    model, variables = models.fold(model, drawn(model, size))
    variables = jax.tree.map(jax.numpy.asarray, variables)

    def forward(images):
        return preprocess.predict(model, variables, images)

    with forms.without(*UNMERGED):
        file = tflite.build(forward, jax.ShapeDtypeStruct((1, size, size, 3), "uint8"))
    interpreter = Interpreter(model_content=file)
    operations = {o["op_name"] for o in interpreter._get_ops_details()}
    assert not operations & {"MAXIMUM", "BROADCAST_TO"}
    run = interpreter.get_signature_runner(tflite.SIGNATURE)
    for count in batches:
        images = np.random.default_rng(0).integers(0, 255, (count, size, size, 3), np.uint8)
        want = jax.jit(forward)(images)
        assert np.abs(run(images=images)["output"] - want).max() <= 1e-4 * np.abs(want).max()
