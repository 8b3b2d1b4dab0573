"""A TPU program's memory traffic and estimated cycles, by row of the network.

`cost_analysis()` counts every access, including those to VMEM (on-chip memory, 128 MiB on a v5e)
and the copies into it: half of its bytes accessed never leave the chip. The program's text has the
memory of each array (`hlo.HloArray.in_vmem`).
"""

import math
import re
from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from inception_jax.plan import hlo

CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
# The kind of an instruction is the first of these that it or its fused computation contains.
KINDS = {"convolution": "convolutions", "dot": "convolutions", "select-and-scatter": "max-pools",
         "reduce-window": "pools", "reduce": "sums"}  # fmt: skip
RECOMPUTED = "rematted_computation"  # JAX's name for what a checkpoint runs again
NO_ESTIMATE = 2**62  # from here on, cycles mean that there is no estimate (v5p: 2**63 - 1)
CALLING = ("call", "async-start")  # they run the computation that they name; the others fuse it
# They move no data; `ConcatBitcast` is free, and the compiler's sum of seconds has no price for it.
FREE = {"parameter", "tuple", "get-tuple-element", "bitcast", "constant", "custom-call",
        "while", "conditional", "call"}  # fmt: skip


class Schedule(NamedTuple):
    """The work of a program in one step, on one device.

    Attributes:
        memory_bytes: read from and written to the device's main memory, without VMEM.
        cycles: sum of the compiler's estimates of all instructions.
        unpriced: instructions without an estimate.
        rows: share of the cycles by row of the network; `rest` is everything else.
        kinds: share of the cycles by kind of instruction, see `KINDS`.
        repeats: `flops`, `bytes` and `cycles` of all runs of each instruction, over those of one
            run: by how much the compiler's own sums, which have a loop's body once, are too small.
        recomputed: share of the flops that repeats the forward pass for the backward pass.
    """

    memory_bytes: int
    cycles: int
    unpriced: int
    rows: dict[str, float]
    kinds: dict[str, float]
    repeats: dict[str, float]
    recomputed: float


def read(module: hlo.HloModule, rows: Collection[str]) -> Schedule:
    """Reads the schedule of a program.

    Args:
        module: compiled for a TPU.
        rows: names of the network's rows and heads.
    """
    memory_bytes, cycles, unpriced = 0.0, 0.0, 0
    by_row: dict[str, float] = defaultdict(float)
    by_kind: dict[str, float] = defaultdict(float)
    once: dict[str, float] = defaultdict(float)
    every: dict[str, float] = defaultdict(float)
    runs, computations = module.runs(), module.computations
    instructions = (i for part in computations.values() for i in part)
    fused = {name for i in instructions if i.op not in CALLING for name in i.fused}
    for computation, part in computations.items():
        times = runs.get(computation, 0)
        times = times if math.isfinite(times) else 1
        if not times:
            continue
        shapes = {i.name: i.shape for i in part}
        for instruction in part:
            count = hlo.flops(instruction, shapes)
            once["flops"] += count
            every["flops"] += times * count
            every["recomputed"] += times * count * (RECOMPUTED in instruction.op_name)
        if computation in fused:
            continue
        sizes = {i.name: _main_memory(i.shape) for i in part}
        for instruction in part:
            if instruction.op in FREE or instruction.op.endswith("-done"):
                continue
            memory_bytes += times * _moved(instruction, sizes)
            accessed = sum(
                a.bytes for shape in _touched(instruction, shapes) for a in hlo.arrays(shape)
            )
            once["bytes"] += accessed
            every["bytes"] += times * accessed
            estimate = CYCLES.search(instruction.rest)
            if estimate and int(estimate[1]) >= NO_ESTIMATE:
                unpriced += 1
            elif estimate:
                spent = times * int(estimate[1])
                cycles += spent
                once["cycles"] += int(estimate[1])
                by_row[_row(instruction, rows)] += spent
                by_kind[_kind(instruction, computations)] += spent
    shares = _shares(by_row, cycles), _shares(by_kind, cycles)
    every["cycles"] = cycles
    repeats = {k: every[k] / once[k] if once[k] else 1.0 for k in ("flops", "bytes", "cycles")}
    recomputed = every["recomputed"] / every["flops"] if every["flops"] else 0.0
    return Schedule(int(memory_bytes), int(cycles), unpriced, *shares, repeats, recomputed)


def _shares(parts: dict[str, float], total: float) -> dict[str, float]:
    """Each part's share, the largest first."""
    return {name: n / total for name, n in sorted(parts.items(), key=lambda row: -row[1])}


def _kind(instruction: hlo.Instruction, computations: dict[str, list[hlo.Instruction]]) -> str:
    """One of `KINDS`' values, or `elementwise`."""
    ops, names = {instruction.op}, instruction.fused
    while names:
        part = computations.get(names.pop(), [])
        ops |= {i.op for i in part}
        names += [name for i in part for name in i.fused]
    return next((kind for op, kind in KINDS.items() if op in ops), "elementwise")


def _touched(instruction: hlo.Instruction, shapes: dict[str, str]) -> list[str]:
    """Shapes of what an instruction writes and reads."""
    return [instruction.shape, *(shapes[o] for o in instruction.operands if o in shapes)]


def _moved(instruction: hlo.Instruction, sizes: dict[str, int]) -> int:
    """Bytes that an instruction moves through the main memory."""
    if instruction.op in ("copy-start", "slice-start"):  # between main memory and VMEM
        return min(a.bytes for a in hlo.arrays(instruction.shape)[:2])
    return sizes[instruction.name] + sum(sizes.get(o, 0) for o in instruction.operands)


def _main_memory(shape: str) -> int:
    """Bytes of a shape's arrays, without those in VMEM."""
    return sum(a.bytes for a in hlo.arrays(shape) if not a.in_vmem)


def _row(instruction: hlo.Instruction, rows: Collection[str]) -> str:
    """The row of an instruction, by the path in its metadata."""
    return next((p for p in instruction.op_name.split("/") if p in rows), "rest")
