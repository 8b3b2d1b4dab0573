"""The runs below a folder, one line each: read from the ends of their files, hundreds a second."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inception_jax.progress import duration
from inception_jax.report import attempts, records
from inception_jax.report.runs import setting
from inception_jax.workdir import jsonl

METRIC = "top1"
OF_RUNS = ("attempts.jsonl", "checkpoints", "eval", "metrics.jsonl", "run.json", attempts.SOURCE)
NEWEST_LINES = 20  # by whose times a silent run counts as stopped
HEAD = ("run", "state", "step", "of", "top1", "best", "time", "last")
SIDES = "<<>>>>><"
SORTS = ("date", "best", "name")


@dataclass(frozen=True)
class RunLine:
    """One run; None where unknown.

    Attributes:
        name: its path below the folder.
        state: done, running, stopped, failed or imported.
        why: the reason.
        step: of the last line of metrics.
        total: of all epochs; an estimate from the epoch of that step.
        split: that training evaluates.
        newest: top-1 of its last evaluation, a fraction.
        best: the highest top-1 of all evaluations.
        seconds: of work, without pauses.
        date: of the last line, or of the last start, in seconds since 1970.
    """

    name: str
    state: str
    why: str
    step: int | None
    total: int | None
    split: str | None
    newest: float | None
    best: float | None
    seconds: float | None
    date: float


def read_all(folder: Path, sort: str = "date") -> list[RunLine]:
    """Read the runs in and below `folder`: the newest first, or the best, or by name."""
    found = [read(path, str(path.relative_to(folder))) for path in paths(folder)]
    found.sort(key=lambda run: run.name)
    if sort != "name":
        keys = {"date": lambda run: -run.date, "best": lambda run: -(run.best or 0.0)}
        found.sort(key=keys[sort])
    return found


def paths(folder: Path) -> Iterator[Path]:
    """Yield the directories of runs, but for links and runs inside of runs."""
    below, names = [], set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.add(entry.name)
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                    below.append(entry.name)
    except (PermissionError, FileNotFoundError):
        return
    if "config.json" in names and not names.isdisjoint(OF_RUNS):
        yield folder
        return
    for name in sorted(below):
        yield from paths(folder / name)


def read(path: Path, name: str) -> RunLine:
    """Read the line of one run."""
    config = records.read_object(path / "config.json", [])
    split = setting(config, "eval", "split")
    metrics = path / "metrics.jsonl"
    newest = list(jsonl.tail(metrics, jsonl.METRICS, NEWEST_LINES))
    times = np.array(sorted(line["time"] for line in newest))
    tries = attempts.read(path / "attempts.jsonl", times, [])
    status = attempts.status(path, tries, times)
    evaluated = list(_evaluations(metrics, str(split))) if split else []
    last = newest[0] if newest else {}
    ends = [*times[-1:], *(a.end for a in tries if a.end is not None)]
    starts = [a.start for a in tries]
    return RunLine(
        name=name,
        state=status.word,
        why=status.detail,
        step=records.whole(last, "step"),
        total=_total(config, last),
        split=str(split) if split else None,
        newest=evaluated[-1] if evaluated else None,
        best=max(evaluated, default=None),
        seconds=float(attempts.active_seconds(tries, np.max(ends))) if tries and ends else None,
        date=float(max([*ends, *starts], default=(path / "config.json").stat().st_mtime)),
    )


def _evaluations(metrics: Path, split: str) -> Iterator[float]:
    """Yield the metric of each evaluation, in the order of the file."""
    for line in jsonl.containing(metrics, {"split": split}, jsonl.METRICS):
        if (value := records.finite(line, METRIC)) is not None:
            yield value


def _total(config: records.Record, last: records.Record) -> int | None:
    epochs, epoch = setting(config, "train", "epochs"), records.finite(last, "epoch")
    if not epoch or not isinstance(epochs, int | float):
        return None
    return max(round(epochs * last["step"] / epoch), last["step"])


def text(lines: Sequence[RunLine]) -> str:
    """Format the lines as a table."""
    cells = [HEAD, *map(_cells, lines)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    formats = [f"{side}{width}" for side, width in zip(SIDES, widths, strict=True)]
    return "\n".join("  ".join(map(format, row, formats)).rstrip() for row in cells)


def _cells(run: RunLine) -> tuple[str, ...]:
    def shown(value: Any, form: str) -> str:
        return "" if value is None else format(value, form)

    return (
        run.name, run.state, shown(run.step, ","), shown(run.total, ","),
        shown(run.newest, ".2%"), shown(run.best, ".2%"),
        "" if run.seconds is None else duration(run.seconds),
        time.strftime("%Y-%m-%d %H:%M", time.localtime(run.date)),
    )  # fmt: skip
