"""The report of one or several runs: a self-contained HTML file.

`write` reads run directories (config.json, metrics.jsonl, attempts.jsonl, eval/) and no live
objects, so it works while a run trains, after it crashed, and on a machine without JAX.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from inception_jax.errors import ConfigError
from inception_jax.report import html, render, runs

__all__ = ["write"]


def write(run_dirs: Sequence[Path], out: Path) -> Path:
    """Write the report of `run_dirs` to the file `out`, and return `out`.

    Raises:
        ConfigError: a directory is missing or is not a run directory, or `out` is a directory.
    """
    if isinstance(run_dirs, str | os.PathLike):
        run_dirs = [Path(run_dirs)]
    if not run_dirs:
        raise ConfigError("expected at least one run directory, got none; name one or more")
    out = Path(out)
    if out.is_dir():
        raise ConfigError(
            f"expected a file to write, found the directory {out}; try {out / 'report.html'}"
        )
    return html.write(render.render(runs.read_all([Path(d) for d in run_dirs])), out)
