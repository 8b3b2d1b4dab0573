"""Tests `inception_jax/models/lowering/remat.py`: policies change what is saved, not the result."""

import re

import jax
import jax.numpy as jnp
import pytest

from inception_jax.models.lowering import remat
from tests.models.lowering.gradients import example, farthest, gradient
from tests.models.small import with_rows
from tests.tiny import Tiny, TinyResidual

pytestmark = pytest.mark.usefixtures("quick_compiler")


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(Tiny(), id="tiny", marks=pytest.mark.slow),
        pytest.param(TinyResidual(), id="residual"),
    ],
)
def test_gradients_do_not_depend_on_the_policy(model):
    """`lean` and `rows` give the gradients of `none`, in float64 to 1e-12."""
    with jax.enable_x64(True):
        network = example(model, size=8)
        want = gradient(*network)
        for policy in ("lean", "rows"):
            assert farthest(gradient(*network, policy), want) < 1e-12, policy


@pytest.mark.slow
def test_gradients_of_a_real_network():
    """The same in Inception-v3, with its head."""
    rows = ["conv_1a", "conv_2b", "pool_3a", "mixed_5b", "mixed_6e", "mixed_7b"]
    with jax.enable_x64(True):
        network = example(with_rows("inception_v3", "slim", rows))
        want = gradient(*network)
        for policy in ("lean", "rows"):
            assert farthest(gradient(*network, policy), want) < 1e-9, policy


def test_each_module_is_recomputed_by_itself():
    """`rows`: a row, and each of the modules that a row repeats, is a unit of its own."""
    model, image = TinyResidual(), jnp.zeros((4, 8, 8, 3))
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), image))

    def units(policy):
        def loss(params):
            both = {**variables, "params": params}
            return model.apply(both, image, train=True, mutable=["batch_stats"])[0].logits.sum()

        def of(v):
            nonlocal variables
            variables = v
            return remat.wrap(loss, policy)(v["params"])

        return len(re.findall(r"\b(?:checkpoint|remat2?)\[", str(jax.make_jaxpr(of)(shapes))))

    shapes = variables
    assert (units("none"), units("rows")) == (0, 4)  # conv1, block 1, block 2, last
