"""Runs: a run directory read into one record."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from inception_jax.report import (
    attempts,
    configs,
    curves,
    evaluations,
    monitors,
    records,
    results,
)
from inception_jax.report.attempts import Attempt, Status
from inception_jax.report.curves import Curve
from inception_jax.report.evaluations import Evaluation
from inception_jax.train.monitors import SPLIT


class ReportError(ValueError):
    """A report cannot be made; the message says what was expected, found, and what to do."""


@dataclass(frozen=True)
class Run:
    """What the files of one run say. Any part may be empty.

    `monitors` are their lines; `times` are those of all metric lines, sorted; `notes` says what is
    amiss with the files.
    """

    name: str
    path: Path
    config: dict[str, Any]
    curves: list[Curve]
    monitors: list[records.Record]
    times: list[float]
    attempts: list[Attempt]
    evaluations: dict[str, Evaluation]
    status: Status
    notes: list[str]
    rollbacks: list[dict[str, Any]]

    @property
    def eventful(self) -> bool:
        """Whether there is more to say of its attempts than that there was one."""
        return len(self.attempts) > 1 or bool(self.rollbacks)

    @property
    def train(self) -> Curve | None:
        """The training curve, if a line of it is written."""
        return next((c for c in self.curves if c.split == "train"), None)

    @property
    def model(self) -> str | None:
        """The network's name, from the config or an evaluation."""
        section = self.config.get("model")
        name = section.get("name") if isinstance(section, dict) else section
        name = name or next((m for s in self._summaries if (m := s.get("model"))), None)
        return str(name) if name else None

    @property
    def params(self) -> int | None:
        """The number of parameters, if an evaluation counted them."""
        return next((n for s in self._summaries if (n := records.whole(s, "params"))), None)

    @property
    def _summaries(self) -> list[records.Record]:
        return [e.summary for e in self.evaluations.values()]

    @cached_property
    def results(self) -> list[results.SplitResult]:
        """The newest accuracy on each split."""
        return results.final(self.curves, self.evaluations)

    @cached_property
    def alarms(self) -> list[str]:
        """What the monitors found wrong, in words."""
        return monitors.sentences(self.monitors)

    @property
    def images_per_s(self) -> float | None:
        """The median rate: compilation and evaluation make the mean a matter of log interval."""
        lines = self.train.lines if self.train else ()
        rates = [v for r in lines if (v := records.finite(r, "images_per_s")) is not None]
        return statistics.median(rates) if rates else None

    @property
    def seconds(self) -> float | None:
        """How long processes worked on the run, pauses left out."""
        ends = [*self.times[-1:], *(a.end for a in self.attempts if a.end is not None)]
        return self.active(max(ends)) if ends else None

    @property
    def tries(self) -> list[tuple[Attempt, int]]:
        """Each attempt, with the number of its steps that the next one did again."""
        return list(zip(self.attempts, attempts.repeated(self.attempts), strict=True))

    @property
    def goodput(self) -> float | None:
        """Share of the wall time that went into steps that were kept."""
        return attempts.goodput(self.attempts)

    def active(self, moment: float) -> float:
        """Seconds of work done by `moment`; the first metric line is zero without attempts."""
        if self.attempts:
            return attempts.active_seconds(self.attempts, moment)
        return moment - self.times[0]


def read_all(run_dirs: Sequence[Path], now: float | None = None) -> list[Run]:
    """The runs in the order given, with names that tell them apart."""
    runs = [read(d, now) for d in run_dirs]
    names = [r.name for r in runs]
    for i, run in enumerate(runs):
        if names.count(run.name) > 1:
            runs[i] = replace(run, name=f"{run.path.parent.name}/{run.name}")
    if len({r.name for r in runs}) < len(runs):
        runs = [replace(r, name=f"{i}. {r.name}") for i, r in enumerate(runs, start=1)]
    return runs


def read(run_dir: Path, now: float | None = None) -> Run:
    """Reads one run directory.

    Args:
        run_dir: the directory `train` was given as its workdir.
        now: unix time against which silence is measured; the clock's by default.

    Raises:
        ReportError: nothing in the directory belongs to a run.
    """
    path = run_dir.resolve()
    _refuse_empty(path)
    notes: list[str] = []
    config = configs.ordered(records.read_object(path / "config.json", notes))
    lines = records.read_lines(path / "metrics.jsonl", notes, require=("step", "split"))
    # Of all lines: those that a resumed run repeats are signs of life too.
    signs = sorted(t for line in lines if (t := records.finite(line, "time")) is not None)
    tries = attempts.read(path / "attempts.jsonl", signs, notes)
    back = ("step", "to", "factor")
    rollbacks = records.read_lines(path / "rollbacks.jsonl", notes, require=back)
    rollbacks = [r for r in rollbacks if all(records.finite(r, k) is not None for k in back)]
    return Run(
        name=path.name,
        path=path,
        config=config,
        curves=curves.gather([x for x in lines if x["split"] != SPLIT], notes),
        monitors=monitors.gather(lines),
        times=signs,
        attempts=tries,
        evaluations=evaluations.read_all(path / "eval", notes),
        status=attempts.status(path, tries, signs, now),
        notes=notes,
        rollbacks=rollbacks,
    )


def _refuse_empty(path: Path) -> None:
    expected = "expected a run directory with config.json, metrics.jsonl or eval/*.json"
    advice = "name the --workdir of a `train` or `eval` command"
    if not path.is_dir():
        kind = "a file" if path.exists() else "nothing"
        raise ReportError(f"{expected}, found {kind} at {path}; {advice}")
    if any((path / n).is_file() for n in ("config.json", "metrics.jsonl")):
        return
    if any((path / "eval").glob("*.json")):
        return
    names = sorted(p.name for p in path.iterdir())
    more = ", …" if len(names) > 6 else ""
    held = f"only {', '.join(names[:6])}{more}" if names else "nothing"
    below = sorted(p.parent.name for p in path.glob("*/config.json"))[:3]
    hint = f"; its subdirectories {', '.join(below)} look like runs" if below else ""
    raise ReportError(f"{expected}, found {held} in {path}; {advice}{hint}")
