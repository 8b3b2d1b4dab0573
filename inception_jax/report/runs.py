"""Runs: read a run directory into one record."""

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from inception_jax.errors import ConfigError
from inception_jax.report import attempts, curves, evaluations, facts, records, results
from inception_jax.report.attempts import Attempt, Status
from inception_jax.report.curves import Curve
from inception_jax.report.evaluations import Evaluation
from inception_jax.workdir import jsonl


@dataclass(frozen=True)
class Run:
    """The contents of a run directory. Any part may be empty.

    `heat_maps` and `monitor_warnings` are of the monitors; `times` are the sorted times of all
    metric lines; `notes` describe damaged files.
    """

    name: str
    path: Path
    config: dict[str, Any]
    curves: list[Curve]
    heat_maps: list[dict[str, Any]]
    monitor_warnings: list[str]
    times: np.ndarray
    attempts: list[Attempt]
    evaluations: dict[str, Evaluation]
    status: Status
    notes: list[str]
    rollbacks: list[dict[str, Any]]

    @property
    def interrupted(self) -> bool:
        """Whether there were several attempts, or rollbacks."""
        return len(self.attempts) > 1 or bool(self.rollbacks)

    @property
    def train(self) -> Curve | None:
        """The training curve, if there is one."""
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
        """The newest result of each split."""
        return results.final(self.curves, self.evaluations, self.classes)

    @cached_property
    def warnings(self) -> list[str]:
        """Warnings about the results."""
        return results.warnings(self.train, self.results, self.classes)

    @property
    def classes(self) -> int | None:
        """The number of classes, from the config or an evaluation."""
        section = self.config.get("data")
        known = records.whole(section, "classes") if isinstance(section, dict) else None
        return known or max((len(e.classes) for e in self.evaluations.values()), default=0) or None

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Network, data, devices, code, start: a name and a text each."""
        start = self.attempts[0].start if self.attempts else None
        return list(facts.of(self.config, self._origin, start))

    @property
    def command(self) -> list[str]:
        """The words of the newest attempt's command line, quoted for a shell."""
        line = self._origin.get("command")
        if not isinstance(line, str):
            return []
        with contextlib.suppress(ValueError):  # a quote is not closed
            return [shlex.quote(word) for word in shlex.split(line)]
        return [line]

    @property
    def _origin(self) -> records.Record:
        return self.attempts[-1].origin if self.attempts else {}

    @property
    def images_per_s(self) -> float | None:
        """The median throughput of training."""
        return self.train.images_per_s if self.train else None

    @property
    def seconds(self) -> float | None:
        """Seconds of work, without the pauses between attempts."""
        ends = [*self.times[-1:], *(a.end for a in self.attempts if a.end is not None)]
        return float(self.active(np.max(ends))) if ends else None

    @property
    def attempt_rows(self) -> list[tuple[Attempt, int]]:
        """Each attempt, with the number of its steps that the next one repeated."""
        return list(zip(self.attempts, attempts.repeated(self.attempts), strict=True))

    @property
    def goodput(self) -> float | None:
        """Share of the wall time spent on steps that were not repeated."""
        return attempts.goodput(self.attempts)

    def active(self, moments: np.ndarray) -> np.ndarray:
        """Seconds of work before `moments`; counted from the first metric line without attempts."""
        if self.attempts:
            return attempts.active_seconds(self.attempts, moments)
        return moments - self.times[0]


def read_all(run_dirs: Sequence[Path]) -> list[Run]:
    """Read runs in the given order, and give them distinct names."""
    runs = [read(d) for d in run_dirs]
    names = [r.name for r in runs]
    for i, run in enumerate(runs):
        if names.count(run.name) > 1:
            runs[i] = replace(run, name=f"{run.path.parent.name}/{run.name}")
    if len({r.name for r in runs}) < len(runs):
        runs = [replace(r, name=f"{i}. {r.name}") for i, r in enumerate(runs, start=1)]
    return runs


def read(run_dir: Path, brief: bool = False) -> Run:
    """Read one run directory, the workdir of `train` or `eval`.

    With `brief`, of which thousands fit in memory, it has neither monitors nor eval files, and only
    curves of training and of the split that it evaluates.

    Raises:
        ConfigError: it is not a run directory.
    """
    path = run_dir.resolve()
    _check_is_run(path)
    notes: list[str] = []
    config = records.read_object(path / "config.json", notes)
    only = str(setting(config, "eval", "split") or "none") if brief else ""
    metrics = curves.read(path / "metrics.jsonl", notes, only)
    run_attempts = attempts.read(path / "attempts.jsonl", metrics.times, notes)
    return Run(
        name=path.name,
        path=path,
        config=config,
        **metrics._asdict(),
        attempts=run_attempts,
        evaluations={} if brief else evaluations.read_all(path / "eval", notes),
        status=attempts.status(path, run_attempts, metrics.times),
        rollbacks=records.read_lines(path / "rollbacks.jsonl", notes, jsonl.ROLLBACK),
        notes=notes,
    )


def setting(config: dict[str, Any], section: str, key: str) -> Any:
    """A value of a config that may be damaged; None where there is none."""
    values = config.get(section)
    return values.get(key) if isinstance(values, dict) else None


def _check_is_run(path: Path) -> None:
    expected = "expected a run directory with config.json, metrics.jsonl or eval/*.json"
    advice = "name the --workdir of a `train` or `eval` command"
    if not path.is_dir():
        kind = "a file" if path.exists() else "nothing"
        raise ConfigError(f"{expected}, found {kind} at {path}; {advice}")
    if any((path / n).is_file() for n in ("config.json", "metrics.jsonl")):
        return
    if any((path / "eval").glob("*.json")):
        return
    names = sorted(p.name for p in path.iterdir())
    more = ", …" if len(names) > 6 else ""
    contents = f"only {', '.join(names[:6])}{more}" if names else "nothing"
    children = sorted(p.parent.name for p in path.glob("*/config.json"))[:3]
    hint = f"; its subdirectories {', '.join(children)} look like runs" if children else ""
    raise ConfigError(f"{expected}, found {contents} in {path}; {advice}{hint}")
