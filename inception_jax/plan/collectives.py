"""The collectives of a compiled program: kind, bytes and mesh axes."""

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jax.sharding import Mesh

from inception_jax.plan import hlo

KINDS = (
    "all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute",
    "collective-broadcast", "ragged-all-to-all",
)  # fmt: skip


class Collective(NamedTuple):
    """The arrays of one dtype that one instruction communicates.

    Attributes:
        kind: one of `KINDS`.
        dtype: as XLA writes it: f32, bf16.
        arrays: number of arrays.
        bytes: of all arrays, unsharded: the operand of a sum or a scatter, the result of a gather.
        devices: in one group.
        axis: mesh axes of the groups, joined by `+`; empty if they are along none.
        runs: a step; 0 inside a loop of unknown length.
        name: of the instruction.
    """

    kind: str
    dtype: str
    arrays: int
    bytes: int
    devices: int
    axis: str
    runs: int = 1
    name: str = ""


def read(module: hlo.HloModule, mesh: Mesh) -> list[Collective]:
    """Lists the collectives of a program in its order; an asynchronous pair is one.

    Args:
        module: compiled for the mesh.
        mesh: whose axes are named.
    """
    runs, rows, seen = module.runs(), [], set()
    for computation, instructions in module.computations.items():
        for instruction in instructions:
            # A program has either the plain form or `-start` and `-done`; the start is read.
            kind = instruction.op.removesuffix("-start")
            if kind not in KINDS or not runs[computation]:
                continue
            # A TPU overlaps a collective with several fusions and repeats it in each. The channel
            # does not identify it: all sums of a shard_map have the same.
            channel = re.search(r"channel_id=\d+", instruction.rest)
            shape = tuple(a[:2] for a in hlo.arrays(instruction.shape))
            identity = (kind, channel and channel[0], instruction.op_name, shape)
            if channel and identity in seen:
                continue
            seen.add(identity)
            scatters = computation.startswith("all-reduce-scatter")  # a TPU's scatter is a fusion
            groups = hlo.replica_groups(instruction.rest, mesh.size)
            size, axis = len(groups[0]), _axis(groups, mesh)
            times = runs[computation]
            for dtype, sizes in _results(instruction, kind).items():
                total = sum(sizes) * (size if kind == "reduce-scatter" else 1)
                rows.append(
                    Collective(
                        "reduce-scatter" if scatters else kind, dtype, len(sizes), total, size,
                        axis, int(times) if math.isfinite(times) else 0, instruction.name,
                    )
                )  # fmt: skip
    return rows


def totals(rows: Iterable[Collective]) -> list[dict[str, object]]:
    """Sums instructions, arrays and bytes a step by kind, dtype and axis, the most bytes first.

    `loop` is whether some run in a loop; one in a loop of unknown length is counted once.
    """
    groups = defaultdict(list)
    for row in rows:
        groups[row.kind, row.dtype, row.axis, row.devices].append(row)
    table: list[dict[str, object]] = [
        {
            "kind": kind,
            "dtype": dtype,
            "axis": axis,
            "devices": devices,
            "count": sum(max(r.runs, 1) for r in part),
            "arrays": sum(r.arrays * max(r.runs, 1) for r in part),
            "bytes": sum(r.bytes * max(r.runs, 1) for r in part),
            "loop": any(r.runs != 1 for r in part),
        }
        for (kind, dtype, axis, devices), part in groups.items()
    ]
    return sorted(table, key=lambda row: -int(str(row["bytes"])))


def _results(instruction: hlo.Instruction, kind: str) -> dict[str, list[int]]:
    """Bytes of each array of an instruction's result, by dtype.

    The `-start` of all but an all-reduce returns its operands, its results, and numbers.
    """
    arrays = hlo.arrays(instruction.shape)
    if instruction.op.endswith("-start") and kind != "all-reduce":
        arrays = [a for a in arrays if a.dtype != "u32" or kind != "collective-permute"]
        arrays = arrays[len(arrays) // 2 :]
    sizes: dict[str, list[int]] = defaultdict(list)
    for array in arrays:
        sizes[array.dtype].append(array.bytes)
    return sizes


def _axis(groups: list[list[int]], mesh: Mesh) -> str:
    """The fewest axes of the mesh along which all groups are."""
    positions = np.arange(mesh.size).reshape(mesh.devices.shape)
    sharded = [i for i, n in enumerate(mesh.devices.shape) if n > 1]
    for count in range(1, len(sharded) + 1):
        for axes in itertools.combinations(sharded, count):
            others = [i for i in range(positions.ndim) if i not in axes]
            size = math.prod(positions.shape[i] for i in axes)
            lines = positions.transpose(*others, *axes).reshape(-1, size).tolist()
            if all(any(set(g) <= set(line) for line in lines) for g in groups):
                return "+".join(mesh.axis_names[i] for i in axes)
    return ""
