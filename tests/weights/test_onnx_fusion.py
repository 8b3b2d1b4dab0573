"""Tests `onnx_fusion`: nodes are merged where the function stays the same, and only there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from inception_jax.weights import onnx_graph
from tests.weights.test_onnx_graph import run_both

pytestmark = pytest.mark.usefixtures("quick_compiler")

RNG = np.random.default_rng(0)
KERNEL = RNG.normal(size=(3, 3, 3, 4)).astype(np.float32)
BIAS = RNG.normal(size=4).astype(np.float32)


def conv(x):
    """A convolution without a bias."""
    return jax.lax.conv_general_dilated(
        x, KERNEL, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def mean(x, divisor):
    """An average pool as JAX traces it."""
    ones = (1, 1, 1, 1)
    return jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 3, 3, 1), ones, "SAME") / divisor


def twice(y):
    """An array that two operations read."""
    return jnp.concatenate([y, y + BIAS[: y.shape[-1]]], -1)


GRID = np.arange(1, 31, dtype=np.float32).reshape(1, 6, 5, 1)
CASES = {
    "a layer": (lambda x: jax.nn.relu(conv(x) + BIAS), {"Conv", "Relu"}),
    "a second bias": (lambda x: conv(x) + BIAS + BIAS, {"Conv", "Add"}),
    "a bias that is a grid": (lambda x: conv(x) + GRID, {"Conv", "Add"}),
    "a convolution that is read twice": (
        lambda x: twice(conv(x)),
        {"Conv", "Add", "Concat"},
    ),
    "a threshold other than zero": (lambda x: jnp.maximum(conv(x), 1.0), {"Conv", "Max"}),
    "a mean": (lambda x: mean(x, 9.0), {"AveragePool"}),
    "a mean that is read twice": (lambda x: twice(mean(x, 9.0)), {"AveragePool", "Add", "Concat"}),
    "a mean of what is inside": (lambda x: mean(x, GRID), {"AveragePool", "Mul"}),
    "a constant over a tensor": (lambda x: 2.0 / (x * 3.0 + 1.0), {"Mul", "Add", "Div"}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_function_in_fewer_nodes(name):
    """onnxruntime computes what JAX does, in these kinds of nodes."""
    function, kinds = CASES[name]
    photos = RNG.integers(0, 255, (2, 6, 5, 3), np.uint8)

    def forward(x):
        return function(x.astype("float32"))

    want, got = run_both(forward, photos)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-3)
    shape = jax.ShapeDtypeStruct(export.symbolic_shape("b, 6, 5, 3"), "uint8")
    nodes = {node.op_type for node in onnx_graph.build(forward, shape, "{}").graph.node}
    assert nodes - {"Transpose", "Cast", "Identity"} == kinds
