"""What a check found, and the checks that were made, each within its time."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from inception_jax.errors import ConfigError, UserError

OK, WARN, FAIL = "ok", "warn", "FAIL"
STATES = (OK, WARN, FAIL)  # from good to bad


@dataclass(frozen=True)
class Finding:
    """What one check found on one host.

    Attributes:
        found: what is there, for a person.
        state: one of `STATES`.
        advice: what to do about it; empty where nothing is, or where `found` says so.
        code: what a run would end with, or 0.
        name: of the check.
        seconds: that it took.
        same: what has to be the same on every host, by name.
    """

    found: str
    state: str = OK
    advice: str = ""
    code: int = 0
    name: str = ""
    seconds: float = 0.0
    same: dict[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """For a program, or another process."""
        return asdict(self)


def warning(found: str, advice: str, **more: Any) -> Finding:
    """A run would start, and may not do what is wanted."""
    return Finding(found, WARN, advice, **more)


def failure(found: str, advice: str, code: int = ConfigError.code, **more: Any) -> Finding:
    """A run would not start, or would not end."""
    return Finding(found, FAIL, advice, code, **more)


def worst(findings: list[Finding]) -> str:
    """The worst of their states."""
    return max((f.state for f in findings), key=STATES.index, default=OK)


def size(count: float) -> str:
    """Bytes for a person: `4.3 MB`, `12 GB`."""
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.5 or unit == "TB":
            break
    return f"{count:.{1 if count < 10 else 0}f} {unit}"


class Checks:
    """The checks of this process, in the order they were made.

    Attributes:
        findings: what they found.
        stuck: whether one is still at it. Its thread cannot be ended, only left behind.
    """

    def __init__(self, show: Callable[[Finding], None] = lambda finding: None):
        self.findings: list[Finding] = []
        self.stuck = False
        self._show = show

    def run(self, name: str, check: Callable[[], Finding], limit: float = 30.0) -> Finding:
        """Makes a check, for at most `limit` seconds."""
        began, box = time.monotonic(), []
        thread = threading.Thread(target=lambda: box.append(_outcome(check)), daemon=True)
        thread.start()
        thread.join(limit)
        if box:
            found = box[0]
        else:
            self.stuck = True
            advice = "something it waits for does not answer: a disk, a host, or a device in use"
            found = failure(f"not done within {limit:g} s", advice)
        found = replace(found, name=name, seconds=round(time.monotonic() - began, 2))
        self.findings.append(found)
        self._show(found)
        return found


def _outcome(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except UserError as e:  # has the remedy in its text
        return failure(str(e), "", e.code)
    except Exception as e:  # a check must not hide the others behind a traceback
        text = str(e).strip().splitlines() or [""]
        return failure(f"{type(e).__name__}: {text[0]}", "")
