"""Format findings as lines of text or as JSON."""

import textwrap
from dataclasses import asdict
from typing import Any

from inception_jax.doctor.examination import Examination
from inception_jax.doctor.finding import FAIL, OK, STATES, WARN, Finding
from inception_jax.errors import shown, shown_lines

COLOURS = {OK: "32", WARN: "33", FAIL: "31;1"}
NAMES = 11  # columns of the longest name of a check
LONG = 1.0  # seconds from which a duration is shown


def line(finding: Finding, width: int, colour: bool) -> str:
    """Formats state, name and text in `width` columns, with the advice below."""
    state = finding.state.ljust(max(map(len, STATES)))
    if colour:
        state = f"\x1b[{COLOURS[finding.state]}m{state}\x1b[0m"
    margin = " " * (len(finding.state.ljust(4)) + NAMES + 4)
    took = f" ({finding.seconds:.1f} s)" if finding.seconds > LONG else ""
    room = max(width - 1 - len(margin), 30)
    # Paths and flags are not broken, so that they can be copied.
    wrap = textwrap.TextWrapper(room, break_long_words=False, break_on_hyphens=False).wrap
    rows = [row for part in shown_lines(finding.found + took).split("\n") for row in wrap(part)]
    if finding.advice:
        first, *more = wrap(shown(finding.advice))
        rows += [f"-> {first}", *(f"   {row}" for row in more)]
    return f"{state}  {finding.name:{NAMES}}  " + f"\n{margin}".join(rows)


def verdict(exam: Examination) -> str:
    """Formats the last line: whether a run would succeed, and the skipped checks."""
    count = {s: [f.name for f in exam.findings if f.state == s] for s in STATES}
    skipped = "; ".join(f"{name} (needs {what})" for name, what in exam.skipped.items())
    end = f"\nnot checked: {skipped}" if skipped else ""
    where = f" on {exam.hosts.count} processes" if exam.hosts.count > 1 else ""
    if count[FAIL]:
        names = ", ".join(dict.fromkeys(count[FAIL]))
        return f"a run would fail: {names} (exit code {code(exam)}){where}{end}"
    if count[WARN]:
        return f"ready{where}, but see {', '.join(dict.fromkeys(count[WARN]))}{end}"
    return f"ready{where}: {len(exam.findings)} checks{end}"


def code(exam: Examination) -> int:
    """Returns the exit code of the first failed check; 0 if all passed."""
    return next((f.code for f in exam.findings if f.state == FAIL), 0)


def as_json(exam: Examination) -> dict[str, Any]:
    """Returns all findings as JSON, without `Finding.same`, which is long."""

    def row(finding: Finding) -> dict[str, Any]:
        return {k: v for k, v in asdict(finding).items() if k != "same"}

    return {
        "verdict": max((f.state for f in exam.findings), key=STATES.index, default=OK),
        "code": code(exam),
        "checks": [row(f) for f in exam.findings],
        "skipped": exam.skipped,
        "processes": {str(i): [row(f) for f in found] for i, found in exam.reports.items()},
    }
