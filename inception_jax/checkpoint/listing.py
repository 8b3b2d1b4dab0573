"""The rows of `ckpt ls`."""

import time
from pathlib import Path
from typing import Any

from inception_jax.checkpoint import folder, manifest, retention
from inception_jax.config import tasks
from inception_jax.workdir import jsonl, run_dir, step_names

GOOD, UNVERIFIED, BAD = "good", "unverified", "bad"
SIDES = ">><>><<"  # to which the columns of `table` are aligned


def rows(workdir: Path, sums: bool = False) -> list[dict[str, Any]]:
    """One row per step, rising, then the steps that were renamed to bad-<step>.

    With `sums` every byte is read; without, only names and sizes are compared.

    Returns:
        step, epoch, time (seconds since 1970), bytes, the task's score, kept (why), state and
        reason (of a bad one); None where unknown.

    Raises:
        DataError: there are no checkpoints.
    """
    directory, steps = folder.of_run(workdir)
    config = run_dir.saved_config(workdir)
    line = jsonl.last(workdir / "metrics.jsonl", jsonl.METRICS)
    per_epoch = line["step"] / line["epoch"] if line and line["epoch"] else None
    score, c = tasks.TASKS[config["data"]["task"]].score, config["checkpoint"]
    scores = retention.scores(workdir, config["eval"]["split"], score)
    every = c["keep_every_epochs"] * (per_epoch or 0)
    reasons = retention.reasons(steps, scores, newest=c["keep"], best=c["keep_best"], every=every)
    named = [(step, str(step)) for step in steps]
    renamed = step_names.renamed(directory)
    table = []
    for step, name in [*named, *renamed]:
        path, is_bad = directory / name, (step, name) in renamed
        state, reason = (BAD, name) if is_bad else _state(path, sums)
        table.append(
            {
                "step": step,
                "epoch": step / per_epoch if per_epoch else None,
                "time": _time(path),
                "bytes": sum(x for x in manifest.contents(path).values() if isinstance(x, int)),
                score: None if is_bad else scores.get(step),
                "kept": "renamed" if is_bad else reasons.get(step, "until the next save"),
                "state": state,
                "reason": reason,
            }
        )
    return table


def _state(step: Path, sums: bool) -> tuple[str, str | None]:
    problems = manifest.problems(step, sums=sums)
    return (BAD, problems[0]) if problems else (GOOD if sums else UNVERIFIED, None)


def _time(step: Path) -> float:
    try:
        return float(manifest.read(step)["time"])
    except (OSError, ValueError, KeyError, TypeError):
        return step.lstat().st_mtime


def table(rows: list[dict[str, Any]]) -> str:
    """Format the rows as aligned text."""
    score = next((key for row in rows for key in row if key in tasks.METRICS), "")
    cells = [["step", "epoch", "saved", "MB", score, "kept", "state"]]
    for row in rows:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row["time"]))
        epoch = "" if row["epoch"] is None else f"{row['epoch']:.4g}"
        value = "" if row[score] is None else tasks.METRICS[score].text(row[score])
        state = row["state"] + (f" ({row['reason']})" if row["reason"] else "")
        size = f"{row['bytes'] / 1e6:,.1f}"
        cells.append([str(row["step"]), epoch, when, size, value, row["kept"], state])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    formats = [f"{side}{width}" for side, width in zip(SIDES, widths, strict=True)]
    return "\n".join("  ".join(map(format, line, formats)).rstrip() for line in cells)
