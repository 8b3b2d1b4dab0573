"""The report of one run, or of several side by side: one HTML page that needs nothing else.

`write` reads run directories (config.json, metrics.jsonl, attempts.jsonl, eval/) and never a live
object, so it works while a run trains, after it died, and on a machine without JAX.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from inception_jax.report import html, runs
from inception_jax.report import render as page
from inception_jax.report.runs import ReportError

__all__ = ["ReportError", "write"]


def write(run_dirs: Sequence[Path], out: Path) -> Path:
    """Writes the page for `run_dirs` to `out` and returns `out`.

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
    return html.write(page.render(runs.read_all([Path(d) for d in run_dirs])), out)
