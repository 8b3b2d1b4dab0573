"""Findings, and the checks of a process, each with a time limit."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from inception_jax.errors import ConfigError, UserError

OK, WARN, FAIL = "ok", "warn", "FAIL"
STATES = (OK, WARN, FAIL)  # from good to bad


@dataclass(frozen=True)
class Finding:
    """The result of one check on one host.

    Attributes:
        found: one or more lines of text.
        state: one of `STATES`.
        advice: remedy; empty if there is none or `found` contains it.
        code: exit code of a run, or 0.
        name: of the check.
        seconds: duration of the check.
        same: values that must be equal on every host, by name.
    """

    found: str
    state: str = OK
    advice: str = ""
    code: int = 0
    name: str = ""
    seconds: float = 0.0
    same: dict[str, str] = field(default_factory=dict)


def warning(found: str, advice: str, **more: Any) -> Finding:
    """A finding with which a run would start, perhaps not as intended."""
    return Finding(found, WARN, advice, **more)


def failure(found: str, advice: str, code: int = ConfigError.code, **more: Any) -> Finding:
    """A finding with which a run would not start or not finish."""
    return Finding(found, FAIL, advice, code, **more)


def size(count: float) -> str:
    """Formats bytes: `4.3 MB`, `12 GB`."""
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.5 or unit == "TB":
            break
    return f"{count:.{1 if count < 10 else 0}f} {unit}"


class Checks:
    """Runs the checks of this process.

    Attributes:
        findings: their results, in order.
        stuck: whether a check did not return. Its thread cannot be ended, only abandoned.
    """

    def __init__(self, show: Callable[[Finding], None] = lambda finding: None):
        self.findings: list[Finding] = []
        self.stuck = False
        self._show = show

    def run(self, name: str, check: Callable[[], Finding], limit: float = 30.0) -> Finding:
        """Runs a check for at most `limit` seconds."""
        began, results = time.monotonic(), []
        thread = threading.Thread(target=lambda: results.append(_outcome(check)), daemon=True)
        thread.start()
        thread.join(limit)
        if results:
            finding = results[0]
        else:
            self.stuck = True
            advice = "a disk or a host does not answer, or a device is in use"
            finding = failure(f"not finished within {limit:g} s", advice)
        finding = replace(finding, name=name, seconds=round(time.monotonic() - began, 2))
        self.findings.append(finding)
        self._show(finding)
        return finding


def _outcome(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except UserError as e:  # its text has the remedy
        return failure(str(e), "", e.code)
    except Exception as e:  # a traceback would hide the other checks
        text = str(e).strip().splitlines() or [""]
        return failure(f"{type(e).__name__}: {text[0]}", "")
