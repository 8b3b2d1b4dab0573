"""What was measured so far: a JSON file that is whole after every run, and is continued."""

import json
from pathlib import Path
from typing import Any

from inception_jax.bench import ratios
from inception_jax.errors import ConfigError
from inception_jax.workdir import atomic

SAME = ("settings", "machine", "code")  # of what all figures of one file are


class Record:
    """The runs of a bench, in a file where there is one.

    Args:
        head: `settings`, `machine` and `code`, which all its runs share, and what else is known.
        path: of the file, continued if it is there; None keeps all in memory.

    Raises:
        ConfigError: the file is no record, or one of other settings, another machine or code.
    """

    def __init__(self, head: dict[str, Any], path: Path | None):
        self._path, self._head = path, json.loads(json.dumps(head))
        self.runs: list[ratios.Run] = []
        if path and path.exists():
            there = _read(path)
            _compare(path, there, self._head)
            self.runs = there["runs"]
            self._head = {**there, **self._head, "began": there["began"]}
            self._head["peers"] = {**there["peers"], **self._head["peers"]}
            self._head["load"] = max(there["load"], self._head["load"])

    def has(self, part: str, who: str, number: int) -> bool:
        """Whether that was measured."""
        return any((r["part"], r["who"], r["round"]) == (part, who, number) for r in self.runs)

    def add(self, run: ratios.Run) -> None:
        """Notes a run, and writes the file."""
        self.runs.append(run)
        if self._path:
            atomic.write_text(self._path, json.dumps(self.document(), indent=1) + "\n")

    def document(self) -> dict[str, Any]:
        """All there is: the head, every run, and the `results` of `ratios`."""
        return {**self._head, "runs": self.runs, "results": ratios.results(self.runs)}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if {*SAME, "runs", "began", "load", "peers"} <= set(found):
            return found
        reason = "it has other keys"
    except (OSError, ValueError, TypeError) as e:
        reason = str(e)
    raise ConfigError(f"--out={path}: expected what `bench` wrote, or no file; {reason}")


def _compare(path: Path, there: dict[str, Any], now: dict[str, Any]) -> None:
    """Figures of two machines, or of two states of the code, make no ratio."""
    rows = []
    for what in SAME:
        old, new = there[what], now[what]
        if isinstance(old, dict) and isinstance(new, dict):
            keys = [k for k in {**old, **new} if old.get(k) != new.get(k)]
            rows += [f"  {what}.{k}: {old.get(k)} there, {new.get(k)} now" for k in keys]
        elif old != new:
            rows.append(f"  {what}: {old} there, {new} now")
    if rows:
        raise ConfigError(
            f"--out={path} holds figures of something else:\n" + "\n".join(rows) + "\n"
            "Use another --out, or remove that file."
        )
