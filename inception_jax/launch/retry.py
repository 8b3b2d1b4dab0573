"""Whether a job that ended is started again: by its exit code, two budgets, and its progress.

Preemptions are nobody's fault and cost nothing but time; crashes may repeat for ever. So each has
its own budget (Levanter's `run_on_pod` has the same two), and a second crash without a new
checkpoint in between ends it: it would crash there again.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inception_jax.workdir import jsonl

# What a person has to mend first: bad data or a diverged loss, a full disk, a bad config.
NEVER = {65: "bad data, a diverged loss or no good checkpoint", 74: "the disk is full",
         78: "a bad config or command line"}  # fmt: skip
# Stopped from outside: saved (75), or before there was anything to save (143: SIGTERM)
STOPPED = (75, 143)


@dataclass(frozen=True)
class Budgets:
    """How often a job may be started again."""

    preemptions: int = 1000
    crashes: int = 10


@dataclass(frozen=True)
class Verdict:
    """Whether to start again, and the reason for a person."""

    again: bool
    why: str


def judge(
    code: int, step: int, past: list[dict[str, Any]], budgets: Budgets, leaving: bool = False
) -> Verdict:
    """What to do after an attempt.

    Args:
        code: what it ended with.
        step: of the newest checkpoint; -1 if there is none.
        past: the earlier verdicts on the same job, as `note` wrote them.
        budgets: of the job.
        leaving: whether the scheduler is ending the job itself.
    """
    if code == 0:
        return Verdict(False, "done")
    if code in NEVER:
        return Verdict(False, f"code {code}: {NEVER[code]}; nothing changes by trying again")
    if leaving:
        why = "the scheduler ends the job, and starts it again if it was not cancelled"
        return Verdict(False, f"code {code}: {why}")
    stopped = [v for v in past if v["code"] in STOPPED]
    crashed = [v for v in past if v["code"] not in STOPPED]
    if code in STOPPED:
        if len(stopped) >= budgets.preemptions:
            return Verdict(False, f"code {code}: preempted more than {budgets.preemptions} times")
        return Verdict(True, f"code {code}: preempted, {len(stopped) + 1} of {budgets.preemptions}")
    if len(crashed) >= budgets.crashes:
        return Verdict(False, f"code {code}: crashed more than {budgets.crashes} times")
    if crashed and crashed[-1]["step"] >= step:
        where = f"at step {step}" if step >= 0 else "before any"
        return Verdict(False, f"code {code}: crashed twice without a new checkpoint ({where})")
    return Verdict(True, f"code {code}: crash {len(crashed) + 1} of at most {budgets.crashes}")


def after(workdir: Path, code: int, job: str, budgets: Budgets, leaving: bool = False) -> Verdict:
    """The verdict on the attempt in `workdir` that just ended, noted in its attempts.jsonl.

    Args:
        workdir: of the run.
        code: what the attempt ended with.
        job: whose budgets they are: a job that a person submits again starts with full ones.
        budgets: of the job.
        leaving: whether the scheduler is ending the job itself.
    """
    step = newest(workdir)
    past = [v for v in verdicts(workdir) if v["job"] == job]
    verdict = judge(code, step, past, budgets, leaving)
    if code and (code not in NEVER or workdir.is_dir()):  # a bad --workdir is not made
        workdir.mkdir(parents=True, exist_ok=True)
        line = {"event": "retry", "time": time.time(), "job": job, "code": code, "step": step,
                "again": verdict.again, "why": verdict.why}  # fmt: skip
        jsonl.append(workdir / "attempts.jsonl", line)
    return verdict


def directory(command: Sequence[str]) -> Path | None:
    """Where a command notes its attempts: its workdir, or a search worker's own place."""
    given = {}
    for word, following in zip(command, [*command[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name.startswith("-"):
            given[name.lstrip("-")] = value if equals else following
    if list(command[:2]) == ["sweep", "work"]:
        return Path(command[2]) / "workers" / given.get("worker", "0")
    return Path(given["workdir"]) if "workdir" in given else None


def verdicts(workdir: Path) -> list[dict[str, Any]]:
    """What was decided before, oldest first."""
    return [x for x in jsonl.read(workdir / "attempts.jsonl") if x.get("event") == "retry"]


def newest(workdir: Path) -> int:
    """How far it is: the step of the newest checkpoint (-1: none); of a worker, trials it told."""
    told = workdir / "trials.jsonl"
    if told.is_file():
        return len(jsonl.read(told))
    steps = (p.name for p in (workdir / "checkpoints").glob("[0-9]*"))
    return max((int(s) for s in steps if s.isdigit()), default=-1)
