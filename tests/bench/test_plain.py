"""Tests `inception_jax/bench/plain.py`: what ours are measured against is the same function."""

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from inception_jax import models
from inception_jax.bench.plain import PlainConvBN, as_plain, plain
from tests.models.lowering.test_forms import LEFT_OUT, farthest
from tests.models.test_network import small


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inception_v3", "inception_resnet_v2"])
def test_the_plain_network_is_the_same_function(name):
    """Trained and evaluated on the same weights both give the same, to float32's rounding."""
    ours = small(name, dropout=0.0, aux=False, drop_rows=tuple(LEFT_OUT[name]))
    image = jax.random.normal(jax.random.key(0), (4, 32, 32, 3))
    variables = models.init(ours)
    theirs, taken = plain(ours), as_plain(variables)
    shapes = jax.eval_shape(lambda: theirs.init(jax.random.key(0), image))
    assert jax.tree.structure(shapes) == jax.tree.structure(taken)
    for train in (True, False):
        want = ours.apply(variables, image, train=train, mutable=["batch_stats"])
        got = theirs.apply(taken, image, train=train, mutable=["batch_stats"])
        assert farthest(got[0].logits, want[0].logits) < 1e-4
        assert farthest(jax.tree.leaves(got[1]), jax.tree.leaves(want[1])) < 1e-4


def test_it_is_of_flaxs_layers():
    """Every convolution is nn.Conv, every BatchNorm nn.BatchNorm."""
    seen = set()

    def look(call, args, kwargs, context):
        seen.add(type(context.module))
        return call(*args, **kwargs)

    model = plain(small("googlenet", "slim"))
    with nn.intercept_methods(look):
        jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, 32, 32, 3))))
    names = {kind.__name__ for kind in seen}
    assert {"Conv", "BatchNorm", "PlainConvBN"} <= names and PlainConvBN in seen
    assert not {"ConvBN"} & names
