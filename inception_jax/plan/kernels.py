"""The kernels of a compiled GPU program: arithmetic, bytes, kind and row of the network.

XLA's own analysis has no cost of a GPU's library calls (convolutions, matrix products): these are
counted here from their shapes. A kernel reads each operand and writes each result once, in the
device's memory; what a fusion only slices it reads in part, what it updates in place it writes in
part. What a library allocates and launches besides its call is not in the program.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from inception_jax.plan import collectives, hlo
from inception_jax.plan.schedule import RECOMPUTED, row_of

# They launch nothing. A loop's and a branch's computation have their own kernels.
FREE = {"parameter", "constant", "bitcast", "tuple", "get-tuple-element", "after-all", "while",
        "conditional", "call", "partition-id", "replica-id"}  # fmt: skip
# The kind of a kernel is the first of these that it or its fused computation contains.
KINDS = {"convolution": "convolutions", "dot": "convolutions", "scatter": "scatters",
         "select-and-scatter": "scatters", "reduce-window": "pools", "reduce": "sums",
         "concatenate": "concatenations", "copy": "copies", "transpose": "copies"}  # fmt: skip
SLICES = ("slice", "dynamic-slice", "gather")  # they read a part of their first operand
UPDATES = {"scatter": -1, "dynamic-update-slice": 1}  # in place: which operand has the new values


class Kernel(NamedTuple):
    """An instruction that launches a kernel, or calls a library that does.

    Attributes:
        name: of the instruction.
        kind: a value of `KINDS`, `collectives`, or `elementwise`.
        row: of the network, or `rest`.
        flops: multiplications and additions of convolutions and matrix products.
        bytes: read and written.
        channels: the fewest channels on a side of a convolution or matrix product; else 0.
        width: bytes of an element that it multiplies; else 0.
        recomputed: whether it repeats the forward pass for the backward pass.
        runs: a step; one in a loop of unknown length counts once.
        library: whether it is a call of cuDNN or cuBLAS.
    """

    name: str
    kind: str
    row: str
    flops: int
    bytes: int
    channels: int
    width: int
    recomputed: bool
    runs: int
    library: bool


def read(module: hlo.HloModule, rows: Collection[str]) -> Iterator[Kernel]:
    """Yields the kernels of a program in the order of its schedule.

    Args:
        module: compiled for a GPU.
        rows: names of the network's rows and heads.
    """
    runs, fused = module.runs(), module.fused()
    for computation, part in module.computations.items():
        times = runs.get(computation, 0)
        if not times or computation in fused:
            continue
        shapes = {i.name: i.shape for i in part}
        for instruction in part:
            if instruction.op in FREE or instruction.op.endswith("-done"):
                continue
            parts = list(_inside(instruction, module, shapes))
            product = max(hlo.product(i, s) for i, s in parts)
            yield Kernel(
                name=instruction.name,
                kind=_kind([i for i, _ in parts]),
                row=row_of(instruction, rows),
                flops=product.flops,
                bytes=_bytes(instruction, module, shapes),
                channels=product.channels,
                width=product.width,
                recomputed=RECOMPUTED in instruction.op_name,
                runs=int(times) if math.isfinite(times) else 1,
                library=instruction.op == "custom-call",
            )


def _inside(
    instruction: hlo.Instruction, module: hlo.HloModule, shapes: Mapping[str, str]
) -> Iterator[tuple[hlo.Instruction, Mapping[str, str]]]:
    """An instruction and those that it fuses, with the shapes of their computation."""
    yield instruction, shapes
    if instruction.op == "fusion":
        for name in instruction.fused:
            part = module.computations.get(name, [])
            inner = {i.name: i.shape for i in part}
            for i in part:
                yield from _inside(i, module, inner)


def is_collective(instruction: hlo.Instruction) -> bool:
    """Whether it is a collective, or starts one."""
    return instruction.op.removesuffix("-start") in collectives.KINDS


def _kind(parts: list[hlo.Instruction]) -> str:
    if is_collective(parts[0]):
        return "collectives"
    ops = {"convolution" if hlo.is_product(i) else i.op for i in parts}
    return next((kind for op, kind in KINDS.items() if op in ops), "elementwise")


def _bytes(instruction: hlo.Instruction, module: hlo.HloModule, shapes: Mapping[str, str]) -> int:
    """Bytes that a kernel reads and writes."""
    if instruction.op == "fusion":
        part = module.computations[instruction.fused[0]]
    else:  # like a fusion of one instruction, whose operands are its parameters
        part = [
            *(hlo.Instruction(o, shapes[o], "parameter", "") for o in instruction.operands
              if o in shapes),
            instruction,
        ]  # fmt: skip
    by_name = {i.name: i for i in part}
    return round(_read_bytes(part)) + _written_bytes(part[-1], by_name)


def _read_bytes(part: list[hlo.Instruction]) -> float:
    """Bytes of a fusion's parameters that its last instruction needs."""
    shapes = {i.name: i.shape for i in part}
    whole: dict[str, float] = defaultdict(float)  # share needed by elementwise users
    sliced: dict[str, dict[str, float]] = defaultdict(dict)  # and by each slice
    whole[part[-1].name], total = 1.0, 0.0
    for i in reversed(part):
        share = min(1.0, max(whole[i.name], sum(sliced[i.name].values())))
        if i.op == "parameter":
            total += share * size(i.shape)
        for place, operand in enumerate(o for o in i.operands if o in shapes):
            if i.op in SLICES and place == 0:
                key = i.rest.split(", metadata")[0] if i.op == "slice" else i.name
                sliced[operand][key] = share * size(i.shape) / max(1, size(shapes[operand]))
            elif i.op not in UPDATES or place > 0:
                whole[operand] = max(whole[operand], share)
    return total


def _written_bytes(root: hlo.Instruction, by_name: Mapping[str, hlo.Instruction]) -> int:
    """Bytes that a fusion with this last instruction writes; an update reads its place too."""
    if root.op in ("tuple", "bitcast"):
        return sum(_written_bytes(by_name[o], by_name) for o in root.operands if o in by_name)
    if root.op in UPDATES:
        update = size(by_name[root.operands[UPDATES[root.op]]].shape)
        return 2 * update if root.op == "scatter" else update
    return size(root.shape)


def size(shape: str) -> int:
    """Bytes of a shape's arrays."""
    return sum(a.bytes for a in hlo.arrays(shape))
