"""The report of one run, or of several side by side: one HTML page that needs nothing else.

`write` reads run directories (config.json, metrics.jsonl, attempts.jsonl, eval/) and never a live
object, so it works while a run trains, after it died, and on a machine without JAX.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from inception_jax.report import page, runs
from inception_jax.report.runs import ReportError

__all__ = ["ReportError", "write"]


def write(run_dirs: Sequence[Path], out: Path) -> Path:
    """Writes the page for `run_dirs` to `out` and returns `out`.

    The page replaces an older one in a single rename: a reader who has it open never sees half.

    Raises:
        ReportError: a directory is missing or holds nothing of a run, or `out` cannot be a file.
    """
    if isinstance(run_dirs, str | os.PathLike):
        run_dirs = [Path(run_dirs)]
    if not run_dirs:
        raise ReportError("expected at least one run directory, got none; name one or more")
    out = Path(out)
    if out.is_dir():
        raise ReportError(
            f"expected a file to write, found the directory {out}; try {out / 'report.html'}"
        )
    html = page.render(runs.read_all([Path(d) for d in run_dirs]))
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        partial.write_text(html, encoding="utf-8")
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return out
