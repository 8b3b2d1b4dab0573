"""The page of all claims, and what `experiments/table.py` writes of them; it runs elsewhere."""

import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # they import one another by name, as a config page its neighbours

import measures  # noqa: E402
import page  # noqa: E402
import results  # noqa: E402
import verdict  # noqa: E402
import write  # noqa: E402


def pages() -> Iterator[tuple[Path, str]]:
    """The README of each claim that has run."""
    for name in results.names():
        if (found := results.read(name)) is not None:
            yield HERE / name / "README.md", write.page(found)


def table() -> list[str]:
    """Rows for each claim and each of its parts."""
    lines = [
        "| claim, and its parts | paper | how much better (95% interval) | verdict | PFLOP |",
        "|---|---|---|---|---|",
    ]
    total = 0.0
    for name in results.names():
        r = results.read(name)
        c, _ = page.parsed(f"claim={name}")
        paper = f"[{c.paper}](https://arxiv.org/abs/{c.paper}), {c.place}"
        head = f"| **[{c.title}]({name}/)** | {paper} | |"
        if r is None:
            lines.append(f"{head} *not run yet* | |")
            continue
        total += r.pflop
        lines.append(f"{head} {write.MARKS[r.word]} ({write.parts(r)}) | {r.pflop:.3f} |")
        lines += part_rows(r)
    return [*lines, "", f"{total:.2f} PFLOP in all."]


def part_rows(r: results.Results) -> Iterator[str]:
    """A row for each comparison, and for each number that the paper has too."""
    for f in r.found:
        measure = f.comparison.measure
        unit = "points of" if measures.find(measure).percent else "in"
        found = f"{write.difference(f)} {unit} {measures.words(measure)}"
        yield f"| {f.comparison.says} | | {found} | {write.MARKS[f.word]} | |"
    for c in r.counts:
        if c.paper is not None:
            found = f"{c.ours:,.4g} for the paper's {c.paper:,.4g}"
            yield f"| {c.says} | | {found} | {write.MARKS[verdict.of_count(c)]} | |"


def figures() -> list[str]:
    """A figure for each claim that has run."""
    found = [n for n in results.names() if (HERE / n / f"{n}.png").is_file()]
    return [line for n in found for line in (f"![{n}]({n}/{n}.png)", "")][:-1]
