"""Parse the text of a compiled program: computations, instructions, arrays, replica groups."""

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

# `  ROOT %name = SHAPE op(OPERANDS), ATTRIBUTES`
INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?([\w.-]+) = (\S.*?) ([\w-]+)\((.*)$")
COMPUTATION = re.compile(r"^(ENTRY )?%?([\w.-]+) .*\{$")
ARRAY = re.compile(r"\b([a-z]+\d*[a-z\d]*)\[([\d,]*)\](\{[^}]*\})?")
REFERENCE = re.compile(r"(\w+)=%?([\w.-]+)|branch_computations=\{([^}]*)\}")
TRIP_COUNT = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
OP_NAME = re.compile(r'op_name="([^"]*)"')
KERNEL_LABELS = re.compile(r"dim_labels=\w+_(\w+)->")  # `b01f_01io->b01f`
CONTRACTED = re.compile(r'lhs_contracting_dim(?:s=\{|ension(?:_number)?s":\[)([\d,"]+)')
# A GPU's libraries: cuDNN's convolutions by the side that they compute, cuBLAS's matrix products.
LIBRARY = re.compile(r'custom_call_target="__(?:cudnn\$conv(\w+)|cublas\$\S+)"')
# Attributes whose computation runs once for each run of the instruction (a loop's body: each trip).
CALLERS = ("calls", "to_apply", "body", "true_computation", "false_computation")
CALLING = ("call", "async-start")  # they run the computation that they name; the others fuse it
PAIRS = re.compile(r"source_target_pairs=\{(\{.*?\})\}")
LISTED_GROUPS = re.compile(r"replica_groups=\{(\{.*?\})\}")
MESH_GROUPS = re.compile(
    r"replica_groups=mesh\[(.*?)\](?:<=\[(.*?)\](T\([\d,]+\))?)? \{(.*?)\}",
)
IOTA_GROUPS = re.compile(r"replica_groups=\[([\d,]+)\]<=\[([\d,]+)\](T\([\d,]+\))?")


class HloArray(NamedTuple):
    """One array of a shape.

    Attributes:
        dtype: as XLA writes it: f32, bf16.
        dims: sizes, separated by commas.
        layout: in braces; `S(1)` in it means VMEM, a TPU's on-chip memory.
    """

    dtype: str
    dims: str
    layout: str

    @property
    def bytes(self) -> int:
        """Size, rounded up to whole bytes."""
        digits = re.search(r"\d+", self.dtype)
        bits = 8 if self.dtype == "pred" else int(digits[0] if digits else 0)
        return -(-math.prod(self.sizes) * bits // 8)

    @property
    def sizes(self) -> list[int]:
        """Size of each axis."""
        return [int(n) for n in self.dims.split(",") if n]

    @property
    def in_vmem(self) -> bool:
        """Whether it is stored on the chip."""
        return "S(1)" in self.layout


def arrays(shape: str) -> list[HloArray]:
    """The arrays of a shape, several if it is a tuple."""
    return [HloArray(*match) for match in ARRAY.findall(shape)]


class Instruction(NamedTuple):
    """One instruction.

    Attributes:
        name: without `%`.
        shape: of the result, as written.
        op: such as `fusion`.
        rest: operands and attributes, as written after the opening parenthesis.
    """

    name: str
    shape: str
    op: str
    rest: str

    @property
    def operands(self) -> list[str]:
        """Names of the operands."""
        return re.findall(r"%([\w.-]+)", self.rest.split("), ")[0])

    @property
    def fused(self) -> list[str]:
        """Names of the computations that it applies."""
        return re.findall(r"(?:calls|to_apply)=%?([\w.-]+)", self.rest)

    @property
    def op_name(self) -> str:
        """The path of the JAX operation, `jit(step)/jvp(InceptionV3)/conv_1a/...`; or empty."""
        match = OP_NAME.search(self.rest)
        return match[1] if match else ""


class HloModule(NamedTuple):
    """A program: the instructions of each computation by its name, and the name of the entry."""

    computations: dict[str, list[Instruction]]
    entry: str

    def runs(self) -> dict[str, float]:
        """How often each computation runs; infinity inside a loop of unknown length."""
        calls: dict[str, Counter[tuple[str, float]]] = defaultdict(Counter)
        for name, instructions in self.computations.items():
            for instruction in instructions:
                trips = TRIP_COUNT.search(instruction.rest)
                loop = float(trips[1]) if trips else math.inf
                for key, target, branches in REFERENCE.findall(instruction.rest):
                    if key in CALLERS:
                        calls[name][target, loop if key == "body" else 1] += 1
                    for branch in re.findall(r"[\w.-]+", branches):
                        calls[name][branch, 1] += 1
        runs: dict[str, float] = defaultdict(float)

        def visit(name: str, times: float) -> None:
            runs[name] += times
            for (target, trips), count in calls[name].items():
                visit(target, times * trips * count)

        visit(self.entry, 1)
        return runs

    def fused(self) -> set[str]:
        """Names of the computations that run inside an instruction, as of a fusion or a sum."""
        instructions = (i for part in self.computations.values() for i in part)
        return {name for i in instructions if i.op not in CALLING for name in i.fused}


def is_product(instruction: Instruction) -> bool:
    """Whether it is a convolution or a matrix product, by the compiler or a library."""
    library = instruction.op == "custom-call" and LIBRARY.search(instruction.rest)
    return instruction.op in ("convolution", "dot") or bool(library)


class Product(NamedTuple):
    """The arithmetic of a convolution or matrix product; 0 of other instructions.

    Attributes:
        flops: multiplications and additions, padding included.
        channels: the fewest, of its summed and its output side.
        width: bytes of an element that is multiplied.
    """

    flops: int = 0
    channels: int = 0
    width: int = 0


def product(instruction: Instruction, shapes: Mapping[str, str]) -> Product:
    """The arithmetic of an instruction.

    cuDNN's backward passes have the labels of the forward one, and take its output's gradient for
    one of the operands: the counted three arrays are those of the forward pass.

    Args:
        instruction: any.
        shapes: of the other instructions of its computation, by name.
    """
    if not is_product(instruction):
        return Product()
    out, *sides = (
        arrays(s)[0] for s in (instruction.shape, *(shapes[o] for o in instruction.operands))
    )
    width = sides[0]._replace(dims="").bytes
    library = LIBRARY.search(instruction.rest)
    if labels := KERNEL_LABELS.search(instruction.rest):
        kernel = sides[1]
        if library and library[1] == "BackwardFilter":
            out, kernel = sides[1], out
        elif library and library[1] == "BackwardInput":
            out = sides[0]
        places = labels[1].index("i"), labels[1].index("o")
        inputs, outputs = (kernel.sizes[i] for i in places)
        total = 2 * math.prod(out.sizes) * math.prod(kernel.sizes) // outputs
        return Product(total, min(inputs, outputs), width)
    axes = CONTRACTED.search(instruction.rest)
    summed = [sides[0].sizes[int(i)] for i in re.findall(r"\d+", axes[1])] if axes else [1]
    total = 2 * math.prod(out.sizes) * math.prod(summed)
    return Product(total, min(math.prod(summed), out.sizes[-1] if out.sizes else 1), width)


def parse(text: str) -> HloModule:
    """Parses `compiled.as_text()`."""
    computations: dict[str, list[Instruction]] = defaultdict(list)
    name = entry = ""
    for line in text.splitlines():
        if line.startswith((" ", "\t")):
            if match := INSTRUCTION.match(line):
                computations[name].append(Instruction(*match.groups()))
        elif match := COMPUTATION.match(line):
            name = match[2]
            entry = name if match[1] else entry
    return HloModule(computations, entry)


def replica_groups(attributes: str, count: int) -> list[list[int]]:
    """The groups of devices of a collective; of a permute, the devices that its pairs connect.

    Args:
        attributes: an instruction's `rest`.
        count: all devices, which are one group if the instruction has no groups.
    """
    if match := PAIRS.search(attributes):
        return _connected(_listed(match[1]))
    if match := LISTED_GROUPS.search(attributes):
        return _listed(match[1])
    # mesh['axis_0'=4,'axis_1'=2] {'axis_0'}: axes of a mesh of XLA's own.
    if match := MESH_GROUPS.search(attributes):
        axes = re.findall(r"'(\w+)'=(\d+)", match[1])
        names, shape = [name for name, _ in axes], [int(n) for _, n in axes]
        chosen = [names.index(name) for name in re.findall(r"'(\w+)'", match[4])]
        order = _iota(match[2], match[3]) if match[2] else np.arange(math.prod(shape))
        others = [i for i in range(len(shape)) if i not in chosen]
        size = math.prod(shape[i] for i in chosen)
        return order.reshape(shape).transpose(*others, *chosen).reshape(-1, size).tolist()
    # [2,4]<=[4,2]T(1,0): two groups of four of the numbers 0..7, reshaped and transposed.
    if match := IOTA_GROUPS.search(attributes):
        groups, size = map(int, match[1].split(","))
        return _iota(match[2], match[3]).reshape(groups, size).tolist()
    return [list(range(count))]


def _iota(dims: str, transposed: str | None) -> np.ndarray:
    shape = [int(n) for n in dims.split(",")]
    numbers = np.arange(math.prod(shape)).reshape(shape)
    if transposed:
        numbers = numbers.transpose([int(n) for n in re.findall(r"\d+", transposed)])
    return numbers.reshape(-1)


def _listed(text: str) -> list[list[int]]:
    return [[int(n) for n in part.split(",") if n] for part in re.findall(r"\{([\d,]*)\}", text)]


def _connected(pairs: list[list[int]]) -> list[list[int]]:
    """The sets of devices that pairs connect, directly or through others."""
    group = {n: n for n in itertools.chain(*pairs)}
    for a, b in pairs:
        old, new = group[a], group[b]
        group = {n: new if g == old else g for n, g in group.items()}
    sets = defaultdict(list)
    for n, g in group.items():
        sets[g].append(n)
    return list(sets.values())
