"""A TPU program's instructions, read from its text: what goes through the memory, and where.

`cost_analysis()` counts every access, those to the chip's own memory (VMEM, 128 MiB on a v5e) and
the copies into it included: half of what it calls bytes accessed never leaves the chip. The text
says of each array where it is kept: `S(1)` in a layout is VMEM.
"""

import math
import re
from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

BITS = {"pred": 8}
ARRAY = re.compile(r"\b([a-z]+\d*[a-z\d]*)\[([\d,]*)\](\{[^}]*\})?")
LINE = re.compile(r"^\s+(?:ROOT )?%?([\w.-]+) = (\S.*?) ([\w-]+)\((.*)$")
HEAD = re.compile(r"^(?:ENTRY )?%?([\w.-]+) .*\{$")
OPERAND = re.compile(r"%([\w.-]+)")
CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
# The kind of an instruction is the first of these that it, or what is fused into it, has.
KINDS = {"convolution": "convolutions", "dot": "convolutions", "select-and-scatter": "max-pools",
         "reduce-window": "pools", "reduce": "sums"}  # fmt: skip
INNER = re.compile(r"(?:calls|to_apply)=%?([\w.-]+)")
NEVER = 2**62  # cycles from which on a number only says that there is no estimate (v5p: 2**63 - 1)
CALLING = ("call", "async-start")  # what runs the computation they name, rather than fuse it
# They name arrays and move nothing; a `ConcatBitcast` is free, and it is what the compiler's own
# sum of seconds has no price for.
FREE = {"parameter", "tuple", "get-tuple-element", "bitcast", "constant", "custom-call",
        "while", "conditional", "call"}  # fmt: skip


class Schedule(NamedTuple):
    """What a program does in a step, on one device.

    Attributes:
        memory_bytes: read from and written to the device's memory, its own registers and caches
            left out.
        cycles: the compiler's estimates of its instructions, one after the other.
        unpriced: instructions whose estimate says that there is none.
        rows: share of those cycles by row of the network; `rest` is all else.
        kinds: share of those cycles by kind of instruction, see `KINDS`.
    """

    memory_bytes: int
    cycles: int
    unpriced: int
    rows: dict[str, float]
    kinds: dict[str, float]


def read(text: str, runs: dict[str, float], rows: Collection[str]) -> Schedule:
    """The schedule of `compiled.as_text()`.

    Args:
        text: the program's.
        runs: how often each computation runs (`collectives.runs`); those that do not are fused.
        rows: names of the network's rows and heads.
    """
    total, cycles, unpriced = 0.0, 0.0, 0
    by_row: dict[str, float] = defaultdict(float)
    by_kind: dict[str, float] = defaultdict(float)
    computations, fused = _computations(text)
    for computation, lines in computations.items():
        if computation in fused or not runs.get(computation):
            continue
        times = runs[computation] if math.isfinite(runs[computation]) else 1
        sizes = {name: _in_memory(shape) for name, shape, *_ in lines}
        for name, shape, op, rest in lines:
            if op in FREE or op.endswith("-done"):
                continue
            total += times * _moved(shape, op, rest, sizes, name)
            priced = CYCLES.search(rest)
            if priced and int(priced[1]) >= NEVER:
                unpriced += 1
            elif priced:
                spent = times * int(priced[1])
                cycles += spent
                by_row[_row(rest, rows)] += spent
                by_kind[_kind(op, rest, computations)] += spent
    shares = _shares(by_row, cycles), _shares(by_kind, cycles)
    return Schedule(int(total), int(cycles), unpriced, *shares)


def _shares(parts: dict[str, float], whole: float) -> dict[str, float]:
    """Each part's share, the largest first."""
    return {name: n / whole for name, n in sorted(parts.items(), key=lambda row: -row[1])}


def _kind(op: str, rest: str, computations: dict[str, list[tuple[str, ...]]]) -> str:
    """One of `KINDS`' values, or `elementwise`."""
    found, left = {op}, INNER.findall(rest)
    while left:
        lines = computations.get(left.pop(), [])
        found |= {line[2] for line in lines}
        left += [name for line in lines for name in INNER.findall(line[3])]
    return next((kind for name, kind in KINDS.items() if name in found), "elementwise")


def _computations(text: str) -> tuple[dict[str, list[tuple[str, ...]]], set[str]]:
    """Each computation's instructions, (name, shape, operation, rest), and which are fused."""
    found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    name, fused = "", set()
    for line in text.splitlines():
        if not line.startswith(" ") and (head := HEAD.match(line)):
            name = head[1]
        elif match := LINE.match(line):
            found[name].append(match.groups())
            if match[3] not in CALLING:
                fused |= set(INNER.findall(match[4]))
    return found, fused


def _moved(shape: str, op: str, rest: str, sizes: dict[str, int], name: str) -> int:
    """Bytes that an instruction moves through the device's memory."""
    if op in ("copy-start", "slice-start"):  # between the two memories: what is there of the part
        return min(_size(*array[:2]) for array in ARRAY.findall(shape)[:2])
    operands = OPERAND.findall(rest.split("), ")[0])
    return sizes[name] + sum(sizes.get(o, 0) for o in operands)


def _in_memory(shape: str) -> int:
    """Bytes of a shape's arrays, those in VMEM left out."""
    return sum(_size(*a[:2]) for a in ARRAY.findall(shape) if "S(1)" not in a[2])


def _size(dtype: str, dims: str) -> int:
    digits = re.search(r"\d+", dtype)
    bits = BITS.get(dtype) or int(digits[0] if digits else 0)
    return math.prod(map(int, filter(None, dims.split(",")))) * bits // 8


def _row(rest: str, rows: Collection[str]) -> str:
    """The row whose operation an instruction is, by the path in its metadata."""
    path = re.search(r'op_name="([^"]*)"', rest)
    parts = path[1].split("/") if path else []
    return next((p for p in parts if p in rows), "rest")
