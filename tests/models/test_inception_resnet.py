"""Tests `inception_jax/models/inception_resnet.py`: facenet's embedding."""

import jax
import jax.numpy as jnp
import numpy as np

from inception_jax.runtime import xla_options
from tests.models.small import with_rows


def test_the_embedding_has_unit_length():
    """Facenet's end-point is normalised; the classifier reads it before."""
    model = with_rows("inception_resnet_v1", "facenet", ["conv_1a"])
    assert model.endpoint_names()[-2:] == ("embedding", "logits")
    image = jax.random.normal(jax.random.key(0), (2, 8, 8, 3))
    make = lambda key: model.init_with_output(key, image, endpoints=True)[0]  # noqa: E731
    out = jax.jit(make, compiler_options=xla_options.once())(jax.random.key(1))
    assert out.endpoints["embedding"].shape == (2, 512)
    np.testing.assert_allclose(jnp.linalg.norm(out.endpoints["embedding"], axis=-1), 1, rtol=1e-5)


def test_bn_decay_reaches_the_embedding():
    """With `bn_decay=1` no moving average changes in a step, nor does the embedding's."""
    model = with_rows("inception_resnet_v1", "facenet", ["conv_1a"], bn_decay=1.0)
    image = jax.random.normal(jax.random.key(0), (2, 8, 8, 3))
    variables = jax.jit(model.init, compiler_options=xla_options.once())(jax.random.key(1), image)
    step = lambda v: model.apply(  # noqa: E731
        v, image, train=True, mutable=["batch_stats"], rngs={"dropout": jax.random.key(2)}
    )
    _, after = jax.jit(step, compiler_options=xla_options.once())(variables)
    jax.tree.map(np.testing.assert_array_equal, after["batch_stats"], variables["batch_stats"])
    assert "bn" in after["batch_stats"]  # the embedding's
