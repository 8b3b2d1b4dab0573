"""The runs below a folder, one line each: read from the ends of their files, hundreds a second."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inception_jax.config.tasks import METRICS, TASKS
from inception_jax.progress import duration
from inception_jax.report import attempts, records
from inception_jax.report.runs import setting
from inception_jax.workdir import jsonl

OF_RUNS = ("attempts.jsonl", "checkpoints", "eval", "metrics.jsonl", "run.json", attempts.SOURCE)
NEWEST_LINES = 20  # by whose times a silent run counts as stopped
HEAD = ("run", "state", "step", "of", "metric", "newest", "best", "time", "last")
SIDES = "<<>><>>><"
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
        metric: the score of its task, see `config.tasks`.
        newest: that of its last evaluation; a share is a fraction.
        best: the highest of all evaluations.
        seconds: of work, without pauses.
        date: of the last line, or of the last start, in seconds since 1970.
    """

    name: str
    state: str
    why: str
    step: int | None
    total: int | None
    split: str | None
    metric: str
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
    task = TASKS.get(str(setting(config, "data", "task")), TASKS["classification"])
    evaluated = list(_evaluations(metrics, str(split), task.score)) if split else []
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
        metric=task.score,
        newest=evaluated[-1] if evaluated else None,
        best=max(evaluated, default=None),
        seconds=float(attempts.active_seconds(tries, np.max(ends))) if tries and ends else None,
        date=float(max([*ends, *starts], default=(path / "config.json").stat().st_mtime)),
    )


def _evaluations(metrics: Path, split: str, metric: str) -> Iterator[float]:
    """Yield the metric of each evaluation, in the order of the file."""
    for line in jsonl.containing(metrics, {"split": split}, jsonl.METRICS):
        if (value := records.finite(line, metric)) is not None:
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
    def count(value: int | None) -> str:
        return "" if value is None else f"{value:,}"

    def score(value: float | None) -> str:
        return "" if value is None else METRICS[run.metric].text(value)

    return (
        run.name, run.state, count(run.step), count(run.total),
        METRICS[run.metric].title, score(run.newest), score(run.best),
        "" if run.seconds is None else duration(run.seconds),
        time.strftime("%Y-%m-%d %H:%M", time.localtime(run.date)),
    )  # fmt: skip
