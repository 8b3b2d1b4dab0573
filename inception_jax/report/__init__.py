"""The report of one or several runs: a self-contained HTML file.

`write` reads run directories (config.json, metrics.jsonl, attempts.jsonl, eval/) and no live
objects, so it works while a run trains, after it crashed, and on a machine without JAX.
"""

from collections.abc import Sequence
from pathlib import Path

from inception_jax.report import html, render, runs

__all__ = ["write"]


def write(run_dirs: Sequence[Path], out: Path) -> Path:
    """Write the report of `run_dirs` to the file `out`, and return `out`.

    Raises:
        ConfigError: a directory is missing or is not a run directory, or `out` is a directory.
    """
    return html.write(render.render(runs.read_all(run_dirs)), out)
