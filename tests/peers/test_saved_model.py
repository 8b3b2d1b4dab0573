"""Tests that TensorFlow runs the SavedModel that `export` writes."""

import jax
import numpy as np
import pytest

from inception_jax import checkpoint, models
from inception_jax.models import from_config, preprocess
from inception_jax.weights.export_graph import export_graph
from inception_jax.weights.import_weights import run_config
from inception_jax.workdir import class_names

pytestmark = pytest.mark.peers


def test_tensorflow_gives_our_logits(tmp_path):
    """At any batch size, to 1e-4; the class names are inside."""
    import json

    import tensorflow as tf

    model = models.create("googlenet", dialect="batchnorm", num_classes=5, width=0.25, stem="small")
    config = run_config(model)
    config.model.update(width=0.25, stem="small")
    config.data.update(image_size=32, classes=5)
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(lambda: models.init(model))
    fresh = jax.tree.map(lambda s: rng.uniform(0.0, 0.1, s.shape).astype(s.dtype), shapes)
    checkpoint.write(tmp_path / "run", fresh)
    class_names.write(tmp_path / "run", "abcde")
    export_graph("saved_model", config, tmp_path / "run", tmp_path / "graph")
    loaded = tf.saved_model.load(str(tmp_path / "graph"))
    assert json.loads(loaded.about.numpy())["classes"] == list("abcde")
    serve = loaded.signatures["serving_default"]
    variables = jax.tree.map(jax.numpy.asarray, checkpoint.load(tmp_path / "run")[1])
    network = from_config.build_model(config.model, config.data.channels)
    for count in (1, 3):
        images = np.random.default_rng(count).integers(0, 255, (count, 32, 32, 3), np.uint8)
        want = jax.jit(lambda x: preprocess.predict(network, variables, x))(images)
        (got,) = serve(images=tf.constant(images)).values()
        assert np.abs(got.numpy() - want).max() <= 1e-4 * np.abs(want).max()
