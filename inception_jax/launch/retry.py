"""Whether to restart a job that ended: by its exit code, two budgets, and its progress.

Preemptions and crashes have separate budgets, as in Levanter's `run_on_pod`. A second crash without
a new checkpoint in between ends the job, because it would crash at the same step again.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inception_jax.runtime import user_paths
from inception_jax.workdir import jsonl, step_names

# Exit codes that need a person.
NEVER = {65: "bad data, a diverged loss or no good checkpoint", 74: "the disk is full",
         78: "a bad config or command line"}  # fmt: skip
# Stopped from outside: saved (75), or SIGTERM before the first step (143).
STOPPED = (75, 143)


@dataclass(frozen=True)
class Budgets:
    """Maximum numbers of restarts of a job."""

    preemptions: int = 1000
    crashes: int = 10


@dataclass(frozen=True)
class Verdict:
    """Whether to restart, and the reason in words."""

    again: bool
    why: str


def judge(
    code: int, step: int, past: list[dict[str, Any]], budgets: Budgets, leaving: bool = False
) -> Verdict:
    """Decide whether to restart after an attempt.

    Args:
        code: its exit code.
        step: step of the newest checkpoint; -1 if there is none.
        past: earlier verdicts on the same job, as `after` wrote them.
        budgets: budgets of the job.
        leaving: whether the scheduler itself is ending or requeueing the job.
    """
    if code == 0:
        return Verdict(False, "done")
    if code in NEVER:
        return Verdict(False, f"code {code}: {NEVER[code]}; a restart would end the same way")
    if leaving:
        why = "the scheduler is ending the job, and restarts it unless it was cancelled"
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
    """Judge the attempt in `workdir` that just ended, and append the verdict to attempts.jsonl.

    Budgets count per job, so a new submission has full ones.
    """
    step = progress(workdir)
    past = [v for v in verdicts(workdir) if v["job"] == job]
    verdict = judge(code, step, past, budgets, leaving)
    if code and (code not in NEVER or workdir.is_dir()):  # a bad config creates no workdir
        workdir.mkdir(parents=True, exist_ok=True)
        line = {"event": "retry", "time": time.time(), "job": job, "code": code, "step": step,
                "again": verdict.again, "why": verdict.why}  # fmt: skip
        jsonl.append(workdir / "attempts.jsonl", line)
    return verdict


def exit_code(returncode: int) -> int:
    """The code of a process as a shell has it: 128 + n if signal n killed it."""
    return returncode if returncode >= 0 else 128 - returncode


def directory(command: Sequence[str]) -> Path | None:
    """The directory of a command's attempts.jsonl: its workdir, or a search worker's directory."""
    flags = {}
    for word, next_word in zip(command, [*command[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name.startswith("-"):
            flags[name.lstrip("-")] = value if equals else next_word
    if list(command[:2]) == ["sweep", "work"]:
        return user_paths.expanded(command[2]) / "workers" / flags.get("worker", "0")
    return user_paths.expanded(flags["workdir"]) if "workdir" in flags else None


def verdicts(workdir: Path) -> list[dict[str, Any]]:
    """Earlier verdicts, oldest first."""
    lines = jsonl.each(workdir / "attempts.jsonl", jsonl.RETRY)
    return [line for line in lines if line["event"] == "retry"]


def progress(workdir: Path) -> int:
    """Step of the newest checkpoint, -1 if there is none; of a search worker, finished trials."""
    trials = workdir / "trials.jsonl"
    if trials.is_file():
        return len(jsonl.read(trials))
    return max(step_names.steps(workdir / "checkpoints"), default=-1)
