"""What `ckpt ls` tells of a run's steps."""

import time
from pathlib import Path
from typing import Any

from inception_jax.checkpoint import folder, keeping, manifest
from inception_jax.workdir import jsonl, run_dir

GOOD, UNVERIFIED, BAD = "good", "unverified", "bad"


def rows(workdir: Path, sums: bool = False) -> list[dict[str, Any]]:
    """One for each step, rising, then those that were put aside.

    Args:
        workdir: of the run.
        sums: whether every byte is read; else only names and sizes are compared.

    Returns:
        step, epoch, time (seconds since 1970), bytes, top1, kept (why), state and reason (of a bad
        one); None where it is not known.

    Raises:
        DataError: there are no checkpoints.
    """
    directory, there = folder.of_run(workdir)
    config = run_dir.saved_config(workdir)
    path = workdir / "metrics.jsonl"
    lines = [x for x in (jsonl.read(path) if path.exists() else []) if x["epoch"]]
    per_epoch = lines[-1]["step"] / lines[-1]["epoch"] if lines else None
    scores, c = keeping.scores(workdir, config["eval"]["split"]), config["checkpoint"]
    every = c["keep_every_epochs"] * (per_epoch or 0)
    reasons = keeping.Keeping(c["keep"], c["keep_best"], every).reasons(there, scores)
    aside = sorted(directory.glob("bad-*"), key=lambda p: _number(p.name))
    found = []
    for where in [*(directory / str(step) for step in there), *aside]:
        step, put_aside = _number(where.name), where in aside
        state, reason = _state(where, put_aside, folder.older_kind(directory, there), sums)
        found.append(
            {
                "step": step,
                "epoch": step / per_epoch if per_epoch else None,
                "time": _time(where),
                "bytes": sum(p.stat().st_size for p in where.rglob("*") if p.is_file()),
                "top1": None if put_aside else scores.get(step),
                "kept": "put aside" if put_aside else reasons.get(step, "until the next save"),
                "state": state,
                "reason": reason,
            }
        )
    return found


def _state(where: Path, put_aside: bool, legacy: bool, sums: bool) -> tuple[str, str | None]:
    if put_aside:
        return BAD, where.name
    if legacy:
        return UNVERIFIED, f"no {manifest.NAME}"
    wrong = manifest.problems(where, sums=sums)
    return (BAD, wrong[0]) if wrong else (GOOD if sums else UNVERIFIED, None)


def _number(name: str) -> int:
    return int(name.removeprefix("bad-").partition(".")[0])


def _time(where: Path) -> float:
    try:
        return float(manifest.read(where)["time"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return where.stat().st_mtime


def table(found: list[dict[str, Any]]) -> str:
    """The rows, for a person."""
    cells = [["step", "epoch", "saved", "MB", "top1", "kept", "state"]]
    for row in found:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row["time"]))
        epoch = "" if row["epoch"] is None else f"{row['epoch']:.4g}"
        top1 = "" if row["top1"] is None else f"{row['top1']:.2%}"
        state = row["state"] + (f" ({row['reason']})" if row["reason"] else "")
        size = f"{row['bytes'] / 1e6:,.1f}"
        cells.append([str(row["step"]), epoch, when, size, top1, row["kept"], state])
    widths = [max(len(line[i]) for line in cells) for i in range(7)]
    lines = (
        "  ".join(text.ljust(w) if i in (2, 5, 6) else text.rjust(w)
                  for i, (text, w) in enumerate(zip(line, widths, strict=True)))
        for line in cells
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in lines)
