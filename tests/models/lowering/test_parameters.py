"""Tests `inception_jax/models/lowering/parameters.py`: both forms are the same numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh

from inception_jax.models.lowering import forms, parameters

TREE = {"a": jnp.arange(6.0).reshape(2, 3), "b": jnp.arange(4.0).reshape(1, 2, 2)}


@pytest.mark.parametrize("platform", ["cpu", "gpu"])
def test_sums_and_norm(platform):
    """55 + 14 of the squares; the gradient is twice each number; second derivatives are two."""
    leaves = jax.tree.leaves(TREE)

    def run(leaves):
        with forms.for_platform(platform):
            return parameters.sum_of_squares(leaves)

    assert run(leaves) == 69
    with forms.for_platform(platform):
        np.testing.assert_allclose(parameters.norm(TREE), np.sqrt(69), rtol=1e-6)
    for got, x in zip(jax.grad(run)(leaves), leaves, strict=True):
        np.testing.assert_allclose(got, 2 * x)
    by_first = jax.hessian(lambda x: run([x, leaves[1]]))(leaves[0])
    np.testing.assert_allclose(by_first.reshape(6, 6), 2 * np.eye(6))


def test_one_sum_on_gpus():
    """Two reductions of each program, however many arrays; as many as arrays elsewhere."""

    def reductions(platform):
        with forms.for_platform(platform):
            text = str(jax.make_jaxpr(lambda tree: parameters.norm(tree))(TREE))
        return text.count("reduce_sum")

    assert reductions("gpu") == 1 and reductions("cpu") == 2


def test_gradients_in_their_layout():
    """On a GPU the compiler is asked for it, and it changes no number."""

    def text(platform):
        with forms.for_platform(platform):
            return str(jax.make_jaxpr(lambda tree: parameters.in_layout(tree))(TREE))

    assert text("gpu").count("layout_constraint") == 2 and "layout" not in text("tpu")
    with forms.for_platform("gpu"):
        got = jax.jit(lambda tree: parameters.in_layout(tree))(TREE)
    jax.tree.map(np.testing.assert_array_equal, got, TREE)


def test_arrays_that_devices_share_out_are_not_made_one():
    """With ZeRO each device has a part: one array of all would bring the others' there."""
    mesh = Mesh(np.array(jax.devices()[:1]), "data")
    with forms.for_mesh(mesh, replicated=False), forms.for_platform("gpu"):
        assert not forms.on("flat") and forms.on("paired")
