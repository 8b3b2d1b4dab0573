"""A sweep's directory.

sweep.json           the sweep: page, shared overrides, trials or search
page-<hash>.py       copy of the config page; editing the original does not change the sweep
page-<hash>/         instead, if the page imports modules beside it: copies of both
trials/<n>-<hash>/   one run directory per trial; the hash is that of its config
commands.txt         one command per trial, for the array job
jobs.jsonl           submitted jobs
"""

import hashlib
import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inception_jax.config.tasks import METRICS
from inception_jax.errors import ConfigError
from inception_jax.sweep import trial as trials
from inception_jax.sweep.trial import Trial
from inception_jax.workdir import atomic, jsonl, reading

FILE = "sweep.json"
FIELDS: jsonl.Fields = {
    "page": str, "argument": str, "original": str, "base": list, "metric": str, "rows": list,
    "launched": dict, "created": dict,
}  # fmt: skip
ROW: jsonl.Fields = {"overrides": dict, "hash": str, "page": str}
SEARCH: jsonl.Fields = {
    "name": str, "trials": int, "workers": int, "sampler": str, "pruner": str, "startup": int,
    "seed": int, "storage": str, "grace": float, "preemptions": int, "crashes": int,
}  # fmt: skip
TRIAL: jsonl.Fields = {"number": int, "overrides": dict}  # trial.json


@dataclass
class Sweep:
    """A sweep, as stored in sweep.json.

    Attributes:
        folder: directory of the sweep.
        page: path of the copied config page, in the folder.
        argument: the page's argument, after the colon of --config.
        original: value of --config when the sweep was created.
        base: overrides that all trials share, as flags.
        metric: evaluation metric by which trials are compared.
        rows: of a grid, one dict per trial: overrides, hash, page.
        search: options of a search; None for a grid.
        launched: engine and flags of the last launch.
        created: time and git commit.
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
    created: dict[str, Any] = field(default_factory=dict)

    @property
    def higher_is_better(self) -> bool:
        """The direction of the metric."""
        return METRICS[self.metric].higher if self.metric in METRICS else True

    def config_flags(self, trial: Trial) -> list[str]:
        """The flags that build a trial's config from the original page."""
        return trials.flags(self.original, self.base, trial.overrides)

    def config_arg(self, page: str | None = None) -> str:
        """The value of --config: the page's copy, with its argument."""
        argument = f":{self.argument}" if self.argument else ""
        return f"{self.folder / (page or self.page)}{argument}"

    def trial(
        self, index: int, overrides: dict[str, Any], name: str, page: str | None = None, **more: str
    ) -> Trial:
        """The trial in the directory `name`, with a command that reads the copy of a page."""
        folder = self.folder / "trials" / name
        flags = trials.flags(self.config_arg(page), self.base, overrides)
        return Trial(index, overrides, folder, ("train", f"--workdir={folder}", *flags), **more)

    def trials(self) -> list[Trial]:
        """All trials of a grid; of a search, the trials started so far."""
        if self.search is None:
            return [
                self.trial(i, row["overrides"], f"{i:03d}-{row['hash']}", row["page"])
                for i, row in enumerate(self.rows)
            ]
        started = []
        for path in (self.folder / "trials").glob("*/trial.json"):
            if (row := read_trial(path)) is None:
                reading.note(f"{path}: passed over, expected what a worker of the search wrote")
                continue
            ending = {"outcome": row.get("state", ""), "why": row.get("why", "")}
            started.append(self.trial(row["number"], row["overrides"], path.parent.name, **ending))
        return sorted(started, key=lambda t: t.index)

    def add(self, rows: list[dict[str, Any]]) -> int:
        """Add the trials that are new; returns their number."""
        known = {row["hash"] for row in self.rows}
        new = [{**row, "page": self.page} for row in rows if row["hash"] not in known]
        self.rows += new
        return len(new)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write the directory: the page's files by name, the page first; then sweep.json."""
        (self.folder / "trials").mkdir(parents=True, exist_ok=True)
        page = self.folder / self.page
        paths = [page, *(page.parent / name for name in list(files)[1:])]
        for path, content in zip(paths, files.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic.replacing(path) as partial:
                partial.write_bytes(content)
        self.save()

    def save(self) -> None:
        """Write sweep.json."""
        values = {k: v for k, v in vars(self).items() if k != "folder"}
        atomic.write_text(self.folder / FILE, json.dumps(values, indent=1) + "\n")


def new(
    folder: Path, page: Path, files: Mapping[str, bytes], argument: str, base: list[str],
    metric: str,
) -> Sweep:  # fmt: skip
    """Create a sweep in memory; `write` stores it, with the same files."""
    digest = hashlib.sha256(b"".join(files.values())).hexdigest()[:8]
    name = f"page-{digest}/{page.name}" if len(files) > 1 else f"page-{digest}.py"
    original = f"{page}:{argument}" if argument else str(page)
    created = {"time": time.time(), "git": _git_commit()}
    return Sweep(folder, name, argument, original, base, metric, created=created)


def read(folder: Path) -> Sweep:
    """Read the sweep in a directory.

    Raises:
        ConfigError: sweep.json is missing or damaged.
    """
    path = folder / FILE
    try:
        value = reading.json_file(path, dict)
        search = value.get("search")
        if not (
            jsonl.has(value, FIELDS)
            and all(isinstance(word, str) for word in value["base"])
            and all(isinstance(row, dict) and jsonl.has(row, ROW) for row in value["rows"])
            and (search is None or (isinstance(search, dict) and jsonl.has(search, SEARCH)))
        ):
            raise ValueError("a value is missing or of another type")
        return Sweep(folder, **value)
    except FileNotFoundError as e:
        raise ConfigError(
            f"{folder}: expected a directory created by `inception-jax sweep expand` or `launch`, "
            f"found no {path}"
        ) from e
    except (ValueError, TypeError) as e:
        raise ConfigError(
            f"{path} is damaged, expected the file that `sweep expand` writes ({e}); put a copy of "
            f"it there, or choose another directory"
        ) from e


def read_trial(path: Path) -> dict[str, Any] | None:
    """Read the trial.json of a search; None if it is missing or damaged."""
    try:
        row = reading.json_file(path, dict)
    except (FileNotFoundError, ValueError):
        return None
    return row if jsonl.has(row, TRIAL) else None


def _git_commit() -> str:
    """The commit of the working directory, followed by + if there are uncommitted changes."""
    command = ["git", "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=+"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip()
