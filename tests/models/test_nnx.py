"""Tests a network inside `flax.nnx`, by `nnx.bridge.ToNNX`, against linen's `apply`."""

import jax
import numpy as np
import pytest
from flax import nnx

from inception_jax import models
from tests import tiny

pytestmark = pytest.mark.usefixtures("quick_compiler")


def wrapped(model, variables):
    """`model` as an nnx module with these variables."""
    net = nnx.bridge.ToNNX(model)
    for row, tree in nnx.bridge.variables.linen_vars_to_nnx_attrs(variables).items():
        setattr(net, row, nnx.data(tree))
    return net


def test_the_same_function_in_evaluation_and_training():
    """Equal logits, auxiliary logits, moved averages and gradients."""
    model = tiny.Tiny(dropout=0.0)
    variables, images = (
        models.init(model, 1, image_size=8),
        tiny.batch(6)["image"] / np.float32(255),
    )
    net = wrapped(model, variables)
    logits = nnx.jit(lambda net, x: net(x).logits)(net, images)
    want = jax.jit(lambda v, x: model.apply(v, x).logits)(variables, images)
    np.testing.assert_allclose(logits, want, rtol=1e-5, atol=1e-6)

    @nnx.jit
    def train(net, x):
        def loss(net):
            out = net(x, train=True, mutable=["batch_stats"])
            return (out.logits**2).sum() + (out.aux["aux_conv2"] ** 2).sum(), out

        (_, out), grads = nnx.value_and_grad(loss, has_aux=True)(net)
        return out, grads

    @jax.jit
    def linen(variables, x):
        def loss(params):
            v = {**variables, "params": params}
            out, updates = model.apply(v, x, train=True, mutable=["batch_stats"])
            total = (out.logits**2).sum() + (out.aux["aux_conv2"] ** 2).sum()
            return total, (out, updates["batch_stats"])

        (_, rest), grads = jax.value_and_grad(loss, has_aux=True)(variables["params"])
        return *rest, grads

    out, grads = train(net, images)
    want, stats, want_grads = linen(variables, images)
    assert jax.tree.structure(out) == jax.tree.structure(want)
    moved = nnx.state(net, nnx.BatchStat)
    assert np.abs(moved["conv1"]["bn"]["mean"][...]).max() > 0
    for a, b in ((out, want), (moved, stats), (grads, want_grads)):
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)
