"""Attempts: the stretches of time in which a process worked on the run."""

import itertools
import time
from dataclasses import dataclass, replace
from pathlib import Path

from inception_jax.report import records

# Silence that makes an unfinished run count as stopped: this long, or this many log intervals.
QUIET_SECONDS = 600.0
QUIET_INTERVALS = 10


@dataclass(frozen=True)
class Attempt:
    """One process from start to end; `end` is its last sign of life when it was killed."""

    start: float
    step: int
    host: str
    end: float | None = None
    code: int | None = None


@dataclass(frozen=True)
class Status:
    """`word` is done, running or stopped; `detail` says what that rests on."""

    word: str
    detail: str


def read(path: Path, signs: list[float], notes: list[str]) -> list[Attempt]:
    """Pairs the start and end events of attempts.jsonl, oldest first.

    Args:
        path: attempts.jsonl; need not exist.
        signs: sorted times of metric lines. The last one before the next start closes an attempt
            that was killed and so wrote no end.
        notes: receives a line about damage.
    """
    attempts: list[Attempt] = []
    for event in records.read_lines(path, notes, require=("event", "time")):
        moment = records.finite(event, "time")
        if moment is None:
            continue
        if event["event"] == "start":
            step = records.whole(event, "step") or 0
            last = records.finite(event, "previous_end")
            if attempts and attempts[-1].end is None and last is not None:
                attempts[-1] = replace(attempts[-1], end=max(last, attempts[-1].start))
            attempts.append(Attempt(moment, step, str(event.get("host", ""))))
        elif event["event"] == "end" and attempts:
            code = records.whole(event, "code")
            attempts[-1] = replace(attempts[-1], end=moment, code=code)
    for i, attempt in enumerate(attempts[:-1]):
        if attempt.end is None:
            until = attempts[i + 1].start
            alive = [t for t in signs if attempt.start <= t <= until]
            attempts[i] = replace(attempt, end=alive[-1] if alive else attempt.start)
    return attempts


def active_seconds(attempts: list[Attempt], moment: float) -> float:
    """Seconds the run had worked by `moment`: the pauses between attempts are left out."""
    total = 0.0
    for i, attempt in enumerate(attempts):
        last = i + 1 == len(attempts)
        end = moment if last else min(moment, attempt.end or attempt.start)
        total += max(0.0, end - attempt.start)
    return total


def status(
    run_dir: Path, attempts: list[Attempt], signs: list[float], now: float | None = None
) -> Status:
    """Whether the run is done, running or stopped, judged from its files alone."""
    if (run_dir / "DONE").exists():
        return Status("done", "the run finished")
    if attempts and attempts[-1].end is not None:
        code = attempts[-1].code
        why = {None: "no exit code", 75: "exit code 75: saved after preemption"}
        return Status("stopped", why.get(code, f"exit code {code}"))
    last = max([*signs[-1:], *(a.start for a in attempts[-1:])], default=None)
    if last is None:
        return Status("stopped", "no metrics and no attempt on record")
    gaps = sorted(b - a for a, b in itertools.pairwise(signs))
    typical = gaps[len(gaps) // 2] if gaps else 0.0
    quiet = (time.time() if now is None else now) - last
    if quiet <= max(QUIET_SECONDS, QUIET_INTERVALS * typical):
        return Status("running", "its last sign of life is recent")
    return Status("stopped", f"without an end on record; silent for {quiet / 3600:,.1f} h")
