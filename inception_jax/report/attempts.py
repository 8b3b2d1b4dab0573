"""Attempts: the stretches of time in which a process worked on the run."""

import itertools
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from inception_jax.report import records

# Silence that makes an unfinished run count as stopped: this long, or this many log intervals.
QUIET_SECONDS = 600.0
QUIET_INTERVALS = 10


ENDINGS = {
    0: "done", 65: "65: bad data or diverged", 70: "70: hung, or a process was lost",
    74: "74: disk full", 75: "75: stopped, saved", 78: "78: refused", 137: "137: killed",
    143: "143: stopped before the first step",
}  # fmt: skip


@dataclass(frozen=True)
class Attempt:
    """One process from start to end; `end` is its last sign of life when it was killed.

    `last` is the last step that is known of it, `spent` the seconds it spent on what. `verdict` is
    what its job's script made of it: whether to start again, and why.
    """

    start: float
    step: int
    host: str
    end: float | None = None
    code: int | None = None
    last: int | None = None
    spent: dict[str, float] = field(default_factory=dict)
    verdict: str = ""

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        if self.code is None:
            return "killed" if self.end is not None else "no end on record"
        return ENDINGS.get(self.code, f"{self.code}: crashed")

    @property
    def steps(self) -> int:
        """Steps it did."""
        return max(0, (self.last or self.step) - self.step)


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
                came_to = records.whole(event, "previous_step")
                end = max(last, attempts[-1].start)
                attempts[-1] = replace(attempts[-1], end=end, last=came_to)
            attempts.append(Attempt(moment, step, str(event.get("host", ""))))
        elif event["event"] == "end" and attempts:
            code, last = records.whole(event, "code"), records.whole(event, "step")
            given = event.get("spent")
            spent = given if isinstance(given, dict) else {}
            spent = {k: s for k in spent if (s := records.finite(spent, k)) is not None}
            ended = replace(attempts[-1], end=moment, code=code, last=last, spent=spent)
            attempts[-1] = ended
        elif event["event"] == "retry" and attempts:  # launch/retry.py
            code = records.whole(event, "code")
            code = code if attempts[-1].code is None else attempts[-1].code
            why = str(event.get("why", "")).partition(": ")[2]
            again = "" if event.get("again") else "; not started again"
            attempts[-1] = replace(attempts[-1], code=code, verdict=why + again)
    for i, attempt in enumerate(attempts[:-1]):
        if attempt.end is None:
            until = attempts[i + 1].start
            alive = [t for t in signs if attempt.start <= t <= until]
            attempts[i] = replace(attempt, end=alive[-1] if alive else attempt.start)
    return attempts


def repeated(attempts: list[Attempt]) -> list[int]:
    """Of each attempt, the steps that the next one did again."""
    after = [a.step for a in attempts[1:]]
    return [max(0, a.step + a.steps - b) for a, b in zip(attempts, after, strict=False)] + [0]


def goodput(attempts: list[Attempt]) -> float | None:
    """Share of the wall time, pauses included, that went into steps that were kept.

    None where no attempt has said how long its steps took.
    """
    known = [a for a in attempts if a.steps and a.spent.get("steps")]
    ends = [a.end for a in attempts if a.end is not None]
    if not known or not ends:
        return None
    each = sum(a.spent["steps"] for a in known) / sum(a.steps for a in known)
    kept = sum(a.steps for a in attempts) - sum(repeated(attempts))
    return min(1.0, kept * each / max(max(ends) - attempts[0].start, 1e-9))


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
    if attempts and attempts[-1].verdict:
        return Status("stopped", f"exit code {attempts[-1].code}: {attempts[-1].verdict}")
    last = max([*signs[-1:], *(a.start for a in attempts[-1:])], default=None)
    if last is None:
        return Status("stopped", "no metrics and no attempt on record")
    gaps = sorted(b - a for a, b in itertools.pairwise(signs))
    typical = gaps[len(gaps) // 2] if gaps else 0.0
    quiet = (time.time() if now is None else now) - last
    if quiet <= max(QUIET_SECONDS, QUIET_INTERVALS * typical):
        return Status("running", "its last sign of life is recent")
    return Status("stopped", f"without an end on record; silent for {quiet / 3600:,.1f} h")
