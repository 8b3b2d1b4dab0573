"""The collectives of a compiled program, read from its text: what devices send one another."""

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jax.sharding import Mesh

KINDS = (
    "all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute",
    "collective-broadcast", "ragged-all-to-all",
)  # fmt: skip
# `  %name = SHAPE all-gather-start(OPERANDS), ATTRIBUTES`: a program has either the plain form or
# the pair of `-start` and `-done`, of which the start is read.
INSTRUCTION = re.compile(rf"= (\S.*?) ({'|'.join(KINDS)})(-start)?\((.*)$")
SHAPE = re.compile(r"\b([a-z]+\d*[a-z\d]*)\[([\d,]*)\]")
COMPUTATION = re.compile(r"^(ENTRY )?%?([\w.-]+) .*\{$")
CALL = re.compile(r"(\w+)=%?([\w.-]+)|branch_computations=\{([^}]*)\}")
MESH = re.compile(
    r"replica_groups=mesh\[(.*?)\](?:<=\[(.*?)\](T\([\d,]+\))?)? \{(.*?)\}",
)
CALLERS = ("calls", "to_apply", "body", "true_computation", "false_computation")


class Collective(NamedTuple):
    """Arrays of one dtype that one instruction moves.

    Attributes:
        kind: one of `KINDS`.
        dtype: as XLA writes it: f32, bf16.
        arrays: how many there are.
        bytes: of all of them, whole: what one device has of a sum, or after a gather, or before a
            scatter.
        devices: that take part together.
        axis: the mesh's axes over which they do, `+` between; empty where it is none of them.
        runs: how often a step does this; 0 for a loop whose length the program does not say.
    """

    kind: str
    dtype: str
    arrays: int
    bytes: int
    devices: int
    axis: str
    runs: int = 1


def read(text: str, mesh: Mesh) -> list[Collective]:
    """The collectives of `compiled.as_text()`, in its order; an asynchronous pair is one.

    Args:
        text: of a program that was compiled for the mesh.
        mesh: whose axes are named.
    """
    often, found, seen = runs(text), [], set()
    for computation, line in _lines(text):
        match = INSTRUCTION.search(line)
        if match is None or not often[computation]:
            continue
        shape, kind, start, rest = match.groups()
        # A TPU overlaps a collective with several fusions and repeats it in each. A channel alone
        # does not tell: all sums of a shard_map have one.
        channel, name = (re.search(p, rest) for p in (r"channel_id=\d+", r'op_name="[^"]*"'))
        same = (kind, channel and channel[0], name and name[0], *SHAPE.findall(shape))
        if channel and same in seen:
            continue
        seen.add(same)
        if computation.startswith("all-reduce-scatter"):  # how a TPU scatters: a fusion
            kind = "reduce-scatter"
        groups = _groups(rest, mesh)
        size = len(groups[0]) if groups else mesh.size
        axis = _axis(groups, mesh)
        scale = size if match[2] == "reduce-scatter" else 1
        for dtype, sizes in _arrays(shape, kind, bool(start)).items():
            total = sum(sizes) * scale
            times = -1 if math.isinf(often[computation]) else int(often[computation])
            found.append(Collective(kind, dtype, len(sizes), total, size, axis, max(times, 0)))
    return found


def totals(rows: Iterable[Collective]) -> list[dict[str, object]]:
    """Summed by kind, dtype and axis, the most bytes first: instructions, arrays, bytes a step.

    `loop` says that some run in a loop; one of unknown length is counted once.
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


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction's line, with the name of the computation it stands in."""
    name = ""
    for line in text.splitlines():
        if line.startswith((" ", "\t")):
            yield name, line
        elif head := COMPUTATION.match(line):
            name = head[2]


def runs(text: str) -> dict[str, float]:
    """How often each computation runs; infinity within a loop of unknown length."""
    calls: dict[str, Counter[tuple[str, float]]] = defaultdict(Counter)
    entry = ""
    for line in text.splitlines():
        if (head := COMPUTATION.match(line)) and head[1]:
            entry = head[2]
    for name, line in _lines(text):
        trips = re.search(r'"known_trip_count":\{"n":"(\d+)"', line)
        loop = float(trips[1]) if trips else math.inf
        for key, target, branches in CALL.findall(line):
            if key in CALLERS:
                calls[name][target, loop if key == "body" else 1] += 1
            for branch in re.findall(r"[\w.-]+", branches):
                calls[name][branch, 1] += 1
    found: dict[str, float] = defaultdict(float)

    def visit(name: str, times: float) -> None:
        found[name] += times
        for (target, each), count in calls[name].items():
            visit(target, times * each * count)

    visit(entry, 1)
    return found


def _arrays(shape: str, kind: str, start: bool) -> dict[str, list[int]]:
    """Bytes of each array of an instruction's result, by dtype.

    The `-start` of all but an all-reduce returns what goes in beside what comes out: first one
    half, then the other, then numbers of its own.
    """
    sizes = [(dtype, _bytes(dtype, dims)) for dtype, dims in SHAPE.findall(shape)]
    if start and kind != "all-reduce":
        sizes = [s for s in sizes if s[0] != "u32" or kind != "collective-permute"]
        sizes = sizes[len(sizes) // 2 :]
    found: dict[str, list[int]] = defaultdict(list)
    for dtype, size in sizes:
        found[dtype].append(size)
    return found


def _bytes(dtype: str, dims: str) -> int:
    bits = re.search(r"\d+", dtype)
    each = int(bits[0]) if bits else 8  # pred
    return -(-math.prod(map(int, filter(None, dims.split(",")))) * each // 8)


def _groups(attributes: str, mesh: Mesh) -> list[list[int]]:
    """The devices that take part together, by their place in the mesh; of a permute its pairs."""
    if pairs := re.search(r"source_target_pairs=\{(\{.*?\})\}", attributes):
        return _connected(_listed(pairs[1]))
    if found := re.search(r"replica_groups=\{(\{.*?\})\}", attributes):
        return _listed(found[1])
    # mesh['axis_0'=4,'axis_1'=2] {'axis_0'}: an axis of a mesh that XLA made up.
    if found := MESH.search(attributes):
        axes = re.findall(r"'(\w+)'=(\d+)", found[1])
        shape, names = [int(n) for _, n in axes], [name for name, _ in axes]
        wanted = [names.index(name) for name in re.findall(r"'(\w+)'", found[4])]
        order = _iota(found[2], found[3]) if found[2] else np.arange(math.prod(shape))
        rest = [i for i in range(len(shape)) if i not in wanted]
        together = math.prod(shape[i] for i in wanted)
        return order.reshape(shape).transpose(*rest, *wanted).reshape(-1, together).tolist()
    # [2,4]<=[4,2]T(1,0): two groups of four, of the numbers 0..7 written so.
    if found := re.search(r"replica_groups=\[([\d,]+)\]<=\[([\d,]+)\](T\([\d,]+\))?", attributes):
        count, size = map(int, found[1].split(","))
        return _iota(found[2], found[3]).reshape(count, size).tolist()
    return [list(range(mesh.size))]


def _iota(dims: str, transposed: str | None) -> np.ndarray:
    shape = [int(n) for n in dims.split(",")]
    numbers = np.arange(math.prod(shape)).reshape(shape)
    if transposed:
        numbers = numbers.transpose([int(n) for n in re.findall(r"\d+", transposed)])
    return numbers.reshape(-1)


def _listed(text: str) -> list[list[int]]:
    return [[int(n) for n in part.split(",") if n] for part in re.findall(r"\{([\d,]*)\}", text)]


def _connected(pairs: list[list[int]]) -> list[list[int]]:
    """The devices that a permute joins, directly or through others."""
    group = {n: n for n in itertools.chain(*pairs)}
    for a, b in pairs:
        old, new = group[a], group[b]
        group = {n: new if g == old else g for n, g in group.items()}
    sets = defaultdict(list)
    for n, g in group.items():
        sets[g].append(n)
    return list(sets.values())


def _axis(groups: list[list[int]], mesh: Mesh) -> str:
    """The fewest axes of the mesh along which all groups lie."""
    where = np.arange(mesh.size).reshape(mesh.devices.shape)
    wide = [i for i, n in enumerate(mesh.devices.shape) if n > 1]
    for count in range(1, len(wide) + 1):
        for axes in itertools.combinations(wide, count):
            rest = [i for i in range(where.ndim) if i not in axes]
            size = math.prod(where.shape[i] for i in axes)
            lines = [set(x) for x in where.transpose(*rest, *axes).reshape(-1, size).tolist()]
            if all(any(set(g) <= line for line in lines) for g in groups):
                return "+".join(mesh.axis_names[i] for i in axes)
    return ""
