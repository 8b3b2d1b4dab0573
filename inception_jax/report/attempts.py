"""Attempts: the periods in which a process worked on the run, and the run's status."""

import contextlib
import itertools
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from inception_jax.report import records
from inception_jax.workdir import jsonl, reading

FINISHED = "the run finished"  # all its epochs
# An unfinished run counts as stopped after this time, and this many log intervals, of silence.
QUIET_SECONDS = 600.0
QUIET_INTERVALS = 10
# Exit codes of a run that was stopped from outside; the others, but 0, are of one that failed.
STOPPED_BY = (130, 137, 143, 75)
SOURCE = "source.json"  # of imported weights, see weights/import_weights.py
ENDINGS = {
    0: "done", 65: "65: bad data or diverged", 70: "70: hung, or a process was lost",
    74: "74: disk full", 75: "75: stopped, saved", 78: "78: refused", 137: "137: killed",
    143: "143: stopped before the first step",
}  # fmt: skip


@dataclass
class Attempt:
    """One attempt from start to end.

    Attributes:
        start: Unix time.
        step: first step.
        host: host name.
        end: Unix time of the end, or of the last log line if it was killed.
        code: exit code, if known.
        last: last known step.
        spent: seconds by activity: start, steps, input, save, eval.
        verdict: reason of `launch retry` to restart the job or not.
        origin: the event of its start, with the facts of `workdir.origin`.
    """

    start: float
    step: int
    host: str
    end: float | None = None
    code: int | None = None
    last: int | None = None
    spent: dict[str, float] = field(default_factory=dict)
    verdict: str = ""
    origin: records.Record = field(default_factory=dict)

    @property
    def ending(self) -> str:
        """How the attempt ended, in words."""
        if self.code is None:
            return "killed" if self.end is not None else "no recorded end"
        return ENDINGS.get(self.code, f"{self.code}: crashed")

    @property
    def steps(self) -> int:
        """Number of steps."""
        return max(0, (self.last or self.step) - self.step)


@dataclass(frozen=True)
class Status:
    """The status of a run: done, running, stopped, failed or imported; `detail` is the reason."""

    word: str
    detail: str


def read(path: Path, signs: np.ndarray, notes: list[str]) -> list[Attempt]:
    """Pair the start and end events of attempts.jsonl, oldest first.

    Args:
        path: attempts.jsonl; need not exist.
        signs: sorted times of metric lines; the last one before the next start is taken as the end
            of an attempt that was killed.
        notes: receives a note about damaged lines.
    """
    attempts: list[Attempt] = []
    for event in records.read_lines(path, notes, jsonl.EVENT):
        moment, last = event["time"], attempts[-1] if attempts else None
        if event["event"] == "start":
            previous_end = records.finite(event, "previous_end")
            if last and last.end is None and previous_end is not None:
                last.end = max(previous_end, last.start)
                last.last = records.whole(event, "previous_step")
            step = records.whole(event, "step") or 0
            attempts.append(Attempt(moment, step, str(event.get("host", "")), origin=event))
        elif event["event"] == "end" and last:
            last.end = moment
            last.code, last.last = records.whole(event, "code"), records.whole(event, "step")
            spent = event.get("spent")
            spent = spent if isinstance(spent, dict) else {}
            last.spent = {k: s for k in spent if (s := records.finite(spent, k)) is not None}
        elif event["event"] == "retry" and last:  # launch/retry.py
            last.code = records.whole(event, "code") if last.code is None else last.code
            why = str(event.get("why", "")).partition(": ")[2]
            last.verdict = why if event.get("again") else f"{why}; not restarted"
    for attempt, following in itertools.pairwise(attempts):
        if attempt.end is None:
            alive = signs[bisect_left(signs, attempt.start) : bisect_right(signs, following.start)]
            attempt.end = float(alive[-1]) if len(alive) else attempt.start
    return attempts


def repeated(attempts: list[Attempt]) -> list[int]:
    """For each attempt the number of its steps that the next attempt repeated."""
    pairs = itertools.pairwise(attempts)
    return [max(0, a.step + a.steps - b.step) for a, b in pairs] + [0] * bool(attempts)


def goodput(attempts: list[Attempt]) -> float | None:
    """Share of the wall time, pauses included, spent on steps that were not repeated.

    None if no attempt recorded the duration of its steps.
    """
    known = [a for a in attempts if a.steps and a.spent.get("steps")]
    ends = [a.end for a in attempts if a.end is not None]
    if not known or not ends:
        return None
    step_seconds = sum(a.spent["steps"] for a in known) / sum(a.steps for a in known)
    steps = sum(a.steps for a in attempts) - sum(repeated(attempts))
    return min(1.0, steps * step_seconds / max(max(ends) - attempts[0].start, 1e-9))


def active_seconds(attempts: list[Attempt], moments: np.ndarray) -> np.ndarray:
    """Seconds of work before `moments`, without the pauses between attempts."""
    seconds = np.maximum(moments - attempts[-1].start, 0.0)
    for a in attempts[:-1]:
        seconds += np.maximum(np.minimum(moments, a.end or a.start) - a.start, 0.0)
    return seconds


def status(run_dir: Path, attempts: list[Attempt], signs: np.ndarray) -> Status:
    """The status of the run, judged from its files."""
    if (done := run_dir / "DONE").exists():
        return Status("done", _why_done(done))
    if attempts and (attempts[-1].end is not None or attempts[-1].verdict):
        code, verdict = attempts[-1].code, attempts[-1].verdict
        why = verdict or {75: "saved after preemption"}.get(code or 0, "")
        word = "stopped" if not code or code in STOPPED_BY else "failed"
        reason = "no exit code" if code is None else f"exit code {code}"
        return Status(word, f"{reason}: {why}" if why else reason)
    if not attempts and not len(signs) and (run_dir / SOURCE).is_file():
        peer = records.read_object(run_dir / SOURCE, []).get("peer")
        return Status("imported", f"weights of {peer}" if peer else "imported weights")
    last = max([*signs[-1:], *(a.start for a in attempts[-1:])], default=None)
    if last is None:
        return Status("stopped", "no metrics and no recorded attempt")
    typical = float(np.median(np.diff(signs))) if len(signs) > 1 else 0.0
    quiet = time.time() - last
    if quiet <= max(QUIET_SECONDS, QUIET_INTERVALS * typical):
        return Status("running", "the last log line is recent")
    return Status("stopped", f"no recorded end; no log line for {quiet / 3600:,.1f} h")


def _why_done(path: Path) -> str:
    """What DONE has: why the run ended before its last epoch, if it did."""
    with contextlib.suppress(OSError, ValueError):  # it is empty, or no text
        return reading.content(path).decode().strip()
    return FINISHED
