"""A TPU program's memory traffic and estimated cycles, by row of the network.

`cost_analysis()` counts every access, including those to VMEM (on-chip memory, 128 MiB on a v5e)
and the copies into it: half of its bytes accessed never leave the chip. The program's text has the
memory of each array (`hlo.HloArray.in_vmem`).
"""

import math
import re
from collections import defaultdict
from collections.abc import Collection, Mapping

from inception_jax.plan import hlo
from inception_jax.plan.schedule import RECOMPUTED, Schedule, row_of, shares

CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
# The kind of an instruction is the first of these that it or its fused computation contains.
KINDS = {"convolution": "convolutions", "dot": "convolutions", "select-and-scatter": "max-pools",
         "reduce-window": "pools", "reduce": "sums"}  # fmt: skip
NO_ESTIMATE = 2**62  # from here on, cycles mean that there is no estimate (v5p: 2**63 - 1)
# They move no data; `ConcatBitcast` is free, and the compiler's sum of seconds has no price for it.
FREE = {"parameter", "tuple", "get-tuple-element", "bitcast", "constant", "custom-call",
        "while", "conditional", "call"}  # fmt: skip


def read(
    module: hlo.HloModule, rows: Collection[str], cost: Mapping[str, float], clock: float | None
) -> Schedule:
    """Reads the schedule of a program.

    The compiler's sums have a loop's body once, as of microbatches. Here they are multiplied by
    what all runs of each instruction make of those of one run.

    Args:
        module: compiled for a TPU.
        rows: names of the network's rows and heads.
        cost: the compiler's `cost_analysis()`.
        clock: cycles a second, if known.
    """
    once, every, by_row, by_kind = _totals(module, rows)
    repeats = {k: every[k] / once[k] if once[k] else 1.0 for k in ("flops", "bytes", "cycles")}
    optimal, unpriced = optimum(cost.get("optimal_seconds", 0.0))
    optimal *= repeats["cycles"]
    sequence = every["cycles"] / clock if clock else None
    return Schedule(
        flops=cost["flops"] * repeats["flops"],
        recomputed=every["recomputed"] / every["flops"] if every["flops"] else 0.0,
        accessed_bytes=int(cost["bytes accessed"] * repeats["bytes"]),
        memory_bytes=int(every["memory"]),
        optimal_s=optimal,
        sequence_s=sequence,
        span_s=(optimal, sequence or optimal),
        unpriced=unpriced,
        unscheduled=int(once["unscheduled"]),
        rows=shares(by_row),
        kinds=shares(by_kind),
        kernels={},
        overlaps={},
    )


def _totals(module: hlo.HloModule, rows: Collection[str]) -> tuple[dict[str, float], ...]:
    """Sums over the instructions, each once, and with all runs; and cycles by row and by kind."""
    once: dict[str, float] = defaultdict(float)
    every: dict[str, float] = defaultdict(float)
    by_row: dict[str, float] = defaultdict(float)
    by_kind: dict[str, float] = defaultdict(float)
    runs, computations, fused = module.runs(), module.computations, module.fused()
    for computation, part in computations.items():
        times = runs.get(computation, 0)
        times = times if math.isfinite(times) else 1
        if not times:
            continue
        shapes = {i.name: i.shape for i in part}
        for instruction in part:
            count = hlo.product(instruction, shapes).flops
            once["flops"] += count
            every["flops"] += times * count
            every["recomputed"] += times * count * (RECOMPUTED in instruction.op_name)
        if computation in fused:
            continue
        sizes = {i.name: _main_memory(i.shape) for i in part}
        for instruction in part:
            if instruction.op in FREE or instruction.op.endswith("-done"):
                continue
            every["memory"] += times * _moved(instruction, sizes)
            accessed = sum(
                a.bytes for shape in _touched(instruction, shapes) for a in hlo.arrays(shape)
            )
            once["bytes"] += accessed
            every["bytes"] += times * accessed
            estimate = CYCLES.search(instruction.rest)
            if estimate and int(estimate[1]) >= NO_ESTIMATE:
                once["unscheduled"] += 1
            elif estimate:
                spent = times * int(estimate[1])
                once["cycles"] += int(estimate[1])
                every["cycles"] += spent
                by_row[row_of(instruction, rows)] += spent
                by_kind[_kind(instruction, computations)] += spent
    return once, every, by_row, by_kind


def optimum(seconds: float) -> tuple[float, int]:
    """Corrects the compiler's `optimal_seconds`, to which each unpriced instruction adds -1.

    Returns:
        The seconds, and the number of unpriced instructions. Steps are assumed to be shorter than
        a second.
    """
    unpriced = math.ceil(-seconds) if seconds < 0 else 0
    return seconds + unpriced, unpriced


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
