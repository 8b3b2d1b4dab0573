"""The work of a compiled program in one step on one device, for every kind of chip."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from inception_jax.plan import hlo

RECOMPUTED = "rematted_computation"  # JAX's name for what a checkpoint runs again


class Schedule(NamedTuple):
    """The work of a program in one step, on one device; loops count each trip.

    Attributes:
        flops: multiplications and additions.
        recomputed: share of the flops that repeats the forward pass for the backward pass.
        accessed_bytes: read and written by instructions, in any memory.
        memory_bytes: of those, in the device's main memory.
        optimal_s: seconds of all instructions at their best.
        sequence_s: expected seconds of all instructions in sequence; None if unknown.
        span_s: the shortest and the longest seconds that are expected.
        unpriced: instructions without a price in `optimal_s`.
        unscheduled: instructions without an estimate in `sequence_s`.
        rows: share of the expected time by row of the network; `rest` is everything else.
        kinds: share of the expected time by kind of instruction.
        kernels: launched by a GPU, by kind; empty for other devices.
        overlaps: by a collective's instruction, the expected seconds of a run's work beside it.
    """

    flops: float
    recomputed: float
    accessed_bytes: int
    memory_bytes: int
    optimal_s: float
    sequence_s: float | None
    span_s: tuple[float, float]
    unpriced: int
    unscheduled: int
    rows: dict[str, float]
    kinds: dict[str, float]
    kernels: dict[str, int]
    overlaps: dict[str, float]


def shares(parts: Mapping[str, float]) -> dict[str, float]:
    """Each part's share of the sum, the largest first."""
    total = sum(parts.values())
    return {k: n / total for k, n in sorted(parts.items(), key=lambda p: -p[1])} if total else {}


def row_of(instruction: hlo.Instruction, rows: Collection[str]) -> str:
    """The row of an instruction, by the path in its metadata."""
    return next((p for p in instruction.op_name.split("/") if p in rows), "rest")
