"""Convert a traced function of images to an ONNX graph.

Inference of these networks uses about fifteen JAX primitives, and the weights are constants:
operations on constants are evaluated here, the others become nodes. Grids [b, h, w, c] are stored
in ONNX's layout [b, c, h, w]. (jax2onnx 0.17 also converts these networks, but onnxruntime refuses
its max-pools, and it adds two transpositions to each convolution.)
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import onnx
from jax.extend.core import Literal
from onnx import TensorProto, helper, numpy_helper

from inception_jax.weights import onnx_fusion

OPSET = 17
NCHW = (0, 3, 1, 2)  # the axes of our grids in ONNX's order


class Tensor(NamedTuple):
    """A value of the graph: its name and its shape in our layout; the batch is a symbol."""

    name: str
    shape: tuple[Any, ...]

    @property
    def is_grid(self) -> bool:
        """Whether ONNX stores it as [b, c, h, w]."""
        return len(self.shape) == 4

    def axis(self, ours: int) -> int:
        """One of our axes in ONNX's order."""
        return NCHW.index(ours) if self.is_grid else ours


def build(function: Callable[[Any], Any], image: jax.ShapeDtypeStruct, about: str) -> Any:
    """Builds the ONNX model of `function`, from `images` [b, h, w, c] to `output`, one array.

    Args:
        function: traceable by JAX.
        image: shape and dtype of the images; the batch is from `jax.export.symbolic_shape`.
        about: JSON text, stored in the file's metadata as `inception_jax`.

    Raises:
        NotImplementedError: the function uses a primitive without a rule here.
    """
    closed = jax.make_jaxpr(function)(image)
    graph = Graph()
    images = graph.node("Transpose", ["images"], image.shape, perm=NCHW)
    (out,) = graph.run(closed.jaxpr, closed.consts, [images])
    if out.is_grid:
        out = graph.node("Transpose", [out.name], out.shape, perm=(0, 2, 3, 1))
    graph.node("Identity", [out.name], out.shape, name="output")
    graph.prune()
    graph.nodes, graph.constants = onnx_fusion.fuse(graph.nodes, graph.constants)
    graph.prune()

    def info(name: str, kind: int, shape: Sequence[Any]) -> Any:
        return helper.make_tensor_value_info(name, kind, ["b", *map(int, shape[1:])])

    body = helper.make_graph(
        graph.nodes,
        "inception_jax",
        [info("images", helper.np_dtype_to_tensor_dtype(np.dtype(image.dtype)), image.shape)],
        [info("output", TensorProto.FLOAT, out.shape)],
        graph.constants,
    )
    model = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8,
        producer_name="inception_jax",
    )  # fmt: skip
    model.metadata_props.add(key="inception_jax", value=about)
    onnx.checker.check_model(model)
    return model


class Graph:
    """Nodes and constants, in the order of the trace."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def run(self, jaxpr: Any, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
        """Converts `jaxpr`; returns its outputs, a Tensor each, or an array if it is constant."""
        values: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
        values |= dict(zip(jaxpr.invars, args, strict=True))

        def value(atom: Any) -> Any:
            return atom.val if isinstance(atom, Literal) else values[atom]

        for equation in jaxpr.eqns:
            given = [value(a) for a in equation.invars]
            results = self._equation(equation, given)
            values |= dict(zip(equation.outvars, results, strict=True))
        return [value(a) for a in jaxpr.outvars]

    def _equation(self, equation: Any, given: list[Any]) -> Sequence[Any]:
        primitive, params = equation.primitive, equation.params
        inner = params.get("call_jaxpr", params.get("jaxpr"))
        if inner is not None:
            return self.run(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), given)
        shape = equation.outvars[0].aval.shape
        if not any(isinstance(x, Tensor) for x in given):
            if primitive.name == "broadcast_in_dim":
                return [_spread(given[0], len(shape), params["broadcast_dimensions"])]
            results = primitive.bind(*given, **params)
            return results if primitive.multiple_results else [results]
        if primitive.name in ELEMENTWISE:
            wide = len(shape) == 4
            names = [self.operand(x, wide) for x in given]
            return [self.node(ELEMENTWISE[primitive.name], names, shape)]
        if primitive.name == "name":  # an identity, which names an array for `remat`
            return given
        if primitive.name not in RULES:
            raise NotImplementedError(f"no ONNX rule for JAX's {primitive.name}")
        return [RULES[primitive.name](self, shape, *given, **params)]

    def node(
        self, kind: str, inputs: list[str], shape: tuple[Any, ...], name: str = "", **attributes
    ) -> Tensor:
        """Adds a node; returns its output, whose shape is `shape`."""
        name = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return Tensor(name, shape)

    def prune(self) -> None:
        """Drops nodes and constants that the output does not need, such as the classifier."""
        needed, nodes = {"output"}, []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                nodes.append(node)
        self.nodes = nodes[::-1]
        self.constants = [c for c in self.constants if c.name in needed]

    def constant(self, array: Any) -> str:
        """Adds a constant; returns its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def operand(self, x: Any, grid: bool) -> str:
        """Returns the name of an element-wise operand; constants get the layout of a grid."""
        if isinstance(x, Tensor):
            return x.name
        array = np.asarray(x, np.float32)
        return self.constant(array.transpose(NCHW) if grid and array.ndim == 4 else array)


def _spread(array: Any, rank: int, axes: Sequence[int]) -> np.ndarray:
    """Reshapes a constant to `rank` axes of size one where it is broadcast; ONNX broadcasts it."""
    array = np.asarray(array)
    shape = [1] * rank
    for axis, n in zip(axes, array.shape, strict=True):
        shape[axis] = n
    return array.reshape(shape)


def _conv(
    graph: Graph, shape: Any, x: Tensor, kernel: Any, *, window_strides: Any, padding: Any,
    feature_group_count: int, rhs_dilation: Any, **_: Any,
) -> Tensor:  # fmt: skip
    (top, bottom), (left, right) = padding
    weights = graph.constant(np.asarray(kernel, np.float32).transpose(3, 2, 0, 1))
    return graph.node(
        "Conv", [x.name, weights], shape, kernel_shape=kernel.shape[:2], strides=window_strides,
        pads=(top, left, bottom, right), group=feature_group_count, dilations=rhs_dilation,
    )  # fmt: skip


def _window(
    *, window_dimensions: Any, window_strides: Any, padding: Any, **_: Any
) -> dict[str, Any]:
    """The attributes of a pool."""
    (top, bottom), (left, right) = padding[1:3]
    pads = (top, left, bottom, right)
    return dict(kernel_shape=window_dimensions[1:3], strides=window_strides[1:3], pads=pads)


def _max_pool(graph: Graph, shape: Any, x: Tensor, **params: Any) -> Tensor:
    return graph.node("MaxPool", [x.name], shape, **_window(**params))


def _sum_pool(graph: Graph, shape: Any, x: Tensor, **params: Any) -> Tensor:
    mean = graph.node("AveragePool", [x.name], shape, count_include_pad=1, **_window(**params))
    size = np.float32(math.prod(params["window_dimensions"]))
    return graph.node("Mul", [mean.name, graph.constant(size)], shape)


def _reduce_sum(graph: Graph, shape: Any, x: Tensor, *, axes: Any, **_: Any) -> Tensor:
    places = graph.constant(np.array([x.axis(a) for a in axes], np.int64))
    return graph.node("ReduceSum", [x.name, places], shape, keepdims=0)


def _dot(
    graph: Graph, shape: Any, x: Tensor, kernel: Any, *, dimension_numbers: Any, **_: Any
) -> Tensor:
    if tuple(map(tuple, dimension_numbers[0])) != ((1,), (0,)):
        raise NotImplementedError(f"expected [b, c] @ [c, k], got {dimension_numbers}")
    return graph.node("MatMul", [x.name, graph.constant(np.asarray(kernel, np.float32))], shape)


def _concatenate(graph: Graph, shape: Any, *parts: Tensor, dimension: int) -> Tensor:
    axis = parts[0].axis(dimension)
    return graph.node("Concat", [x.name for x in parts], shape, axis=axis)


def _reverse(graph: Graph, shape: Any, x: Tensor, *, dimensions: Any) -> Tensor:
    (axis,) = dimensions
    order = graph.constant(np.arange(shape[axis])[::-1])
    return graph.node("Gather", [x.name, order], shape, axis=x.axis(axis))


def _pad(graph: Graph, shape: Any, x: Tensor, value: Any, *, padding_config: Any) -> Tensor:
    order = NCHW if x.is_grid else range(len(shape))
    if any(inside or low < 0 or high < 0 for low, high, inside in padding_config):
        raise NotImplementedError(f"expected padding around, got {padding_config}")
    ends = [[int(padding_config[i][j]) for i in order] for j in (0, 1)]
    sizes = graph.constant(np.array(ends, np.int64).ravel())
    return graph.node("Pad", [x.name, sizes, graph.constant(np.float32(value))], shape)


def _slice(
    graph: Graph, shape: Any, x: Tensor, *, start_indices: Any, limit_indices: Any, strides: Any
) -> Tensor:
    axes = [i for i in range(len(shape)) if str(shape[i]) != str(x.shape[i])]
    parts = [
        [int(start_indices[i]) for i in axes],
        [int(limit_indices[i]) for i in axes],
        [x.axis(i) for i in axes],
        [int(strides[i]) if strides else 1 for i in axes],
    ]
    return graph.node("Slice", [x.name, *(graph.constant(np.array(p)) for p in parts)], shape)


def _broadcast(graph: Graph, shape: Any, x: Tensor, /, *_: Any, **__: Any) -> Tensor:
    target = graph.constant(np.array([-1, *map(int, shape[1:])], np.int64))
    return graph.node("Reshape", [x.name, target], shape)


def _cast(graph: Graph, shape: Any, x: Tensor, *, new_dtype: Any, **_: Any) -> Tensor:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(new_dtype))
    return graph.node("Cast", [x.name], shape, to=kind)


def _square(graph: Graph, shape: Any, x: Tensor) -> Tensor:
    return graph.node("Mul", [x.name] * 2, shape)


ELEMENTWISE = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "max": "Max", "min": "Min",
    "pow": "Pow", "sqrt": "Sqrt", "exp": "Exp", "log": "Log", "neg": "Neg", "tanh": "Tanh",
}  # fmt: skip

RULES: dict[str, Callable[..., Tensor]] = {
    "broadcast_in_dim": _broadcast,
    "concatenate": _concatenate,
    "conv_general_dilated": _conv,
    "convert_element_type": _cast,
    "dot_general": _dot,
    "pad": _pad,
    "reduce_sum": _reduce_sum,
    "reduce_window_max": _max_pool,
    "reduce_window_sum": _sum_pool,
    "rev": _reverse,
    "slice": _slice,
    "square": _square,
}
