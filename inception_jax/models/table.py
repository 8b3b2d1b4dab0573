"""Descriptions as text: one network's table, or where two networks differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from itertools import groupby
from typing import Any

from inception_jax.models.describe import Description, TableRow, describe
from inception_jax.models.network import Network

HEAD = ("name", "figure", "grid", "channels", "params", "MACs (M)")


def text(table: Description) -> str:
    """The table, columns aligned, each block's branches on the right."""
    size = f"{table.image_size}x{table.image_size}"
    rows, heads = ([_cells(line) for line in part] for part in (table.rows, table.heads))
    head, *lines = _aligned([(*HEAD, "branches"), *rows, *heads])
    rule = "-" * max(map(len, lines))
    return "\n".join(
        [
            f"{table.name} ({table.dialect}: {table.source}) at {size}",
            "",
            head,
            rule,
            *lines[: len(rows)],
            rule,
            *lines[len(rows) :],
            f"{table.params:,} parameters ({table.params_with_aux:,} with auxiliary heads), "
            f"{table.macs / 1e9:.3f} G multiply-adds",
        ]
    )


@dataclass(frozen=True)
class NetworkDifference:
    """Where two networks differ.

    Attributes:
        switches: (field of the dialect, its value in each).
        rows: (row in the first or None, row in the second or None), where they differ.
        totals: (name, in the first, in the second) of parameters and multiply-adds.
    """

    names: tuple[str, str]
    switches: tuple[tuple[str, str, str], ...]
    rows: tuple[tuple[TableRow | None, TableRow | None], ...]
    totals: tuple[tuple[str, int, int], ...]


def difference(a: Network, b: Network, image_size: int | None = None) -> NetworkDifference:
    """Where networks `a` and `b` differ: switches, rows by name, totals."""
    first, second = describe(a, image_size), describe(b, image_size)
    ours, theirs = ({r.name: r for r in (*t.rows, *t.heads)} for t in (first, second))
    names = [*ours, *(n for n in theirs if n not in ours)]
    pairs = [(ours.get(n), theirs.get(n)) for n in names]
    kinds = ("params", "params_with_aux", "macs")
    return NetworkDifference(
        names=(_title(first), _title(second)),
        switches=tuple(_switches(a.switches, b.switches)),
        rows=tuple(p for p in pairs if _shown(p[0]) != _shown(p[1])),
        totals=tuple((k, getattr(first, k), getattr(second, k)) for k in kinds),
    )


def difference_text(found: NetworkDifference) -> str:
    """The difference as text: a line for each side of every row that differs."""
    left, right = found.names
    lines = [f"- {left}", f"+ {right}", ""]
    if found.switches:
        lines += [*_aligned([(s, x, "->", y) for s, x, y in found.switches], left=4), ""]
    cells = []
    for pairs in _alike(found.rows):
        names = [(a or b).name for a, b in pairs]
        name = names[0] if len(names) == 1 else f"{names[0]} .. {names[-1]}"
        sides = ((sign, line) for sign, line in zip("-+", pairs[0], strict=True) if line)
        cells += [(sign, name, *_cells(line)[1:]) for sign, line in sides]
    if cells:
        lines += [*_aligned([("", *HEAD, "branches"), *cells], left=3), ""]
    else:
        lines += ["the rows are the same", ""]
    totals = []
    for what, x, y in found.totals:
        totals.append((what, f"{x:,}", "->", f"{y:,}", f"{y - x:+,} ({y / x - 1:+.1%})"))
    return "\n".join([*lines, *_aligned(totals, left=1)])


def _title(table: Description) -> str:
    return f"{table.name} ({table.dialect}: {table.source})"


def _alike(rows: Sequence[tuple[TableRow | None, TableRow | None]]) -> list[list[Any]]:
    """The pairs in runs of rows with the same difference."""
    runs = groupby(rows, key=lambda pair: (_shown(pair[0]), _shown(pair[1])))
    return [list(pairs) for _, pairs in runs]


def _switches(a: Any, b: Any, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Fields of two dialects that differ; a switch that one family lacks is `none` there."""
    absent = "none"
    for name in dict.fromkeys(f.name for f in (*fields(a), *fields(b))):
        x, y = getattr(a, name, absent), getattr(b, name, absent)
        if is_dataclass(x) and is_dataclass(y):
            yield from _switches(x, y, f"{name}.")
        elif name != "source" and not name.endswith("_init") and x != y:
            yield prefix + name, str(x).lower() or absent, str(y).lower() or absent


def _shown(line: TableRow | None) -> tuple[str, ...] | None:
    """The key by which rows are equal: everything but the name and the figure."""
    return _cells(line)[2:] if line else None


def _cells(line: TableRow) -> tuple[str, ...]:
    blocks = " | ".join(", ".join(branch) for branch in line.branches)
    inside = f"{blocks}; {line.then}" if line.then else blocks
    times = f"{line.times} x ({inside})" if line.times > 1 else inside
    grid = "x".join(map(str, line.grid))
    return (
        line.name, line.figure, grid, f"{line.channels:,}", f"{line.params:,}",
        f"{line.macs / 1e6:,.1f}", times,
    )  # fmt: skip


def _aligned(rows: Sequence[tuple[str, ...]], left: int = 2) -> list[str]:
    """Columns of one width: the first `left` and the last flush left, the others flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    last = len(widths) - 1

    def cell(i: int, value: str) -> str:
        return value.ljust(widths[i]) if i < left or i == last else value.rjust(widths[i])

    return ["  ".join(cell(i, v) for i, v in enumerate(row)).rstrip() for row in rows]
