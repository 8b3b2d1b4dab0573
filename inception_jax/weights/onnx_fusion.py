"""Merge the nodes of an ONNX graph into the forms that runtimes and their quantisers know.

JAX traces a layer as convolution, addition and maximum, and a mean as a sum and a division.
"""

from collections import Counter
from typing import Any

import numpy as np
from onnx import helper, numpy_helper


def fuse(nodes: list[Any], constants: list[Any]) -> tuple[list[Any], list[Any]]:
    """Returns the nodes and constants of the same function, in fewer nodes.

    - Conv, then Add of a constant a channel: Conv with a bias.
    - Max with zero: Relu.
    - Mul by a constant, then Div by one (an average pool): one Mul, or nothing if they are equal.
    """
    merger = _Merger(nodes, constants)
    for node in nodes:
        merger.add(node)
    return merger.nodes, list(merger.constants.values())


class _Merger:
    """The nodes so far, and what each is known to be."""

    def __init__(self, nodes: list[Any], constants: list[Any]):
        self.nodes: list[Any] = []
        self.constants = {c.name: c for c in constants}
        self._uses = Counter(name for node in nodes for name in node.input)
        self._writer: dict[str, Any] = {}
        self._renamed: dict[str, str] = {}

    def add(self, node: Any) -> None:
        """Adds a node, or merges it into the one before it."""
        names = [self._renamed.get(name, name) for name in node.input]
        del node.input[:]
        node.input.extend(names)
        rule = {"Add": self._bias, "Max": self._relu, "Div": self._mean}.get(node.op_type)
        if rule is None or not rule(node):
            self._append(node)

    def _append(self, node: Any) -> None:
        self.nodes.append(node)
        self._writer[node.output[0]] = node

    def _operands(self, node: Any, first: str) -> tuple[Any, np.ndarray] | None:
        """The `first` node, read by `node` only, and the constant that is its other operand."""
        for x, y in (node.input, node.input[::-1]):
            before = self._writer.get(x)
            if y in self.constants and before is not None and before.op_type == first:
                if self._uses[before.output[0]] == 1:
                    return before, numpy_helper.to_array(self.constants[y])
                return None
        return None

    def _bias(self, node: Any) -> bool:
        found = self._operands(node, "Conv")
        if found is None or len(found[0].input) == 3:
            return False
        conv, bias = found
        channels = self.constants[conv.input[1]].dims[0]
        if bias.shape != (1, channels, 1, 1):
            return False
        conv.input.append(self._constant(f"{conv.name}_bias", bias.ravel()))
        self._take(conv, node)
        return True

    def _relu(self, node: Any) -> bool:
        for x, y in (node.input, node.input[::-1]):
            if y in self.constants and not numpy_helper.to_array(self.constants[y]).any():
                self._append(helper.make_node("Relu", [x], node.output, node.name))
                return True
        return False

    def _mean(self, node: Any) -> bool:
        found = self._operands(node, "Mul")
        if found is None or node.input[0] not in self._writer:  # a constant divided by a tensor
            return False
        product, divisor = found
        name = next((n for n in product.input if n in self.constants), "")
        if not name:
            return False
        factor = numpy_helper.to_array(self.constants[name]) / divisor
        if factor.size == 1 and factor.item() == 1:
            (x,) = (n for n in product.input if n != name)
            self.nodes.remove(product)
            self._renamed[node.output[0]] = x
            self._uses[x] += self._uses[node.output[0]] - 1
            return True
        places = [self._constant(f"{node.name}_factor", factor) if n == name else n
                  for n in product.input]  # fmt: skip
        del product.input[:]
        product.input.extend(places)
        self._take(product, node)
        return True

    def _take(self, before: Any, node: Any) -> None:
        """Lets `before` write the output of `node`, which is left out."""
        before.output[0] = node.output[0]
        self._writer[node.output[0]] = before

    def _constant(self, name: str, array: np.ndarray) -> str:
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name
