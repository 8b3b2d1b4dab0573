"""A sweep's directory: what was declared, which trials there are, and which page they are of.

sweep.json           the sweep: page, shared overrides, trials or search
page-<hash>.py       the page as it was: a sweep goes on when the original is edited
trials/<n>-<hash>/   a run, as `train` makes it; the hash is its config's
commands.txt         a line for each trial, for the array job
jobs.jsonl           what was submitted
"""

import hashlib
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inception_jax.errors import ConfigError
from inception_jax.sweep import trial as trials
from inception_jax.sweep.trial import Trial
from inception_jax.workdir import atomic

FILE = "sweep.json"


@dataclass
class Sweep:
    """What sweep.json holds.

    Attributes:
        folder: of the sweep.
        page: the page's copy, a name in the folder.
        argument: of the page.
        original: the page as the user named it, with its argument.
        base: overrides that all trials share, as flags.
        metric: of the evaluations, that trials are compared by.
        rows: of a grid, a dict for each trial: overrides, hash.
        search: what an adaptive search was given; None for a grid.
        launched: the engine and its flags, of the last launch.
    """

    folder: Path
    page: str
    argument: str
    original: str
    base: list[str]
    metric: str = "top1"
    rows: list[dict[str, Any]] = field(default_factory=list)
    search: dict[str, Any] | None = None
    launched: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)

    def best(self, done: Sequence[Any]) -> Any:
        """Of some things with a `value`, the one with the best value of the metric."""
        return (min if self.metric == "loss" else max)(done, key=lambda p: p.value)

    def line(self, trial: Trial) -> list[str]:
        """The flags that name a trial's config by the page the user knows."""
        words = trials.command(self.original, self.base, trial.overrides, Path())
        return [word for word in words[1:] if not word.startswith("--workdir=")]

    def given(self, page: str | None = None) -> str:
        """The page's copy as `--config` takes it, with its argument."""
        argument = f":{self.argument}" if self.argument else ""
        return f"{self.folder / (page or self.page)}{argument}"

    def command(self, overrides: dict[str, Any], folder: Path, page: str | None = None):
        """The words that train some overrides in a folder."""
        return trials.command(self.given(page), self.base, overrides, folder)

    def trials(self) -> list[Trial]:
        """Every trial of the grid; of a search, those that were begun."""
        if self.search is None:
            return [self._trial(i, row) for i, row in enumerate(self.rows)]
        found = []
        for path in sorted((self.folder / "trials").glob("*/trial.json")):
            row = json.loads(path.read_text(encoding="utf-8"))
            command = self.command(row["overrides"], path.parent)
            told = {key: row.get(source, "") for key, source in (("told", "state"), ("why", "why"))}
            found.append(Trial(row["number"], row["overrides"], path.parent, command, **told))
        return sorted(found, key=lambda t: t.index)

    def _trial(self, index: int, row: dict[str, Any]) -> Trial:
        folder = self.folder / "trials" / f"{index:03d}-{row['hash']}"
        return Trial(
            index, row["overrides"], folder, self.command(row["overrides"], folder, row["page"])
        )

    def add(self, rows: list[dict[str, Any]]) -> int:
        """Adds the trials that are not there yet; how many these are."""
        there = {row["hash"] for row in self.rows}
        new = [{**row, "page": self.page} for row in rows if row["hash"] not in there]
        self.rows += new
        return len(new)

    def write(self, page: str) -> None:
        """Writes the directory: the page first, then what names it."""
        (self.folder / "trials").mkdir(parents=True, exist_ok=True)
        atomic.write_text(self.folder / self.page, page)
        self.save()

    def save(self) -> None:
        """Writes sweep.json."""
        values = {k: v for k, v in vars(self).items() if k != "folder"}
        atomic.write_text(self.folder / FILE, json.dumps(values, indent=1) + "\n")


def new(folder: Path, page: Path, argument: str, base: list[str], metric: str) -> Sweep:
    """A sweep that is not written yet."""
    name = f"page-{hashlib.sha256(page.read_bytes()).hexdigest()[:8]}.py"
    original = f"{page}:{argument}" if argument else str(page)
    made = {"time": time.time(), "git": _git()}
    return Sweep(folder, name, argument, original, base, metric, made=made)


def read(folder: Path) -> Sweep:
    """The sweep in a directory.

    Raises:
        ConfigError: there is none.
    """
    path = folder / FILE
    if not path.is_file():
        raise ConfigError(
            f"{folder}: expected a directory that `inception-jax sweep expand` or `launch` made, "
            f"found no {path}"
        )
    try:
        return Sweep(folder, **json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as e:
        raise ConfigError(f"{path}: expected what `sweep expand` wrote; {e}") from e


def _git() -> str:
    """The commit of the working directory, with + where there is more than the commit."""

    def ask(*words: str) -> str:
        try:
            done = subprocess.run(["git", *words], capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = ask("rev-parse", "--short=12", "HEAD")
    return commit + ("+" if commit and ask("status", "--porcelain", "-uno") else "")
