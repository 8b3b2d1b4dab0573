"""inception-jax sweep best DIR [--json]

Prints the best finished trial, by the last evaluation of each: its overrides, and the flags that
reproduce its config, --config first, to be copied after `train`.
"""  # noqa: D415

import shlex
from pathlib import Path

from inception_jax.cli import sweeps
from inception_jax.errors import DataError
from inception_jax.sweep import folder
from inception_jax.sweep.trial import text


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = sweeps.of_directory("best", __doc__).json()
    flags.parse(argv)
    sweep = folder.read(Path(flags.words[0]))
    from inception_jax.sweep.comparison import Comparison

    comparison = Comparison(sweep)
    best, total = comparison.best, len(comparison.rows)
    if best is None:
        raise DataError(f"{sweep.folder}: expected a finished trial, found none of {total}")
    trial, line = best.trial, shlex.join(sweep.config_flags(best.trial))
    data = {"index": trial.index, "folder": str(trial.folder), sweep.metric: best.value,
            "overrides": trial.overrides, "line": line}  # fmt: skip
    first = f"trial {trial.index} of {len(comparison.done)} done: {sweep.metric} {best.value:.4f}"
    lines = [first, text(trial.overrides), str(trial.folder), line]
    if comparison.groups and (interval := comparison.groups[0].interval):
        group = comparison.groups[0]
        data["mean"] = {"value": group.mean, "interval": interval, "count": group.count}
        lines.append(
            f"mean of {group.count} {comparison.repeats}: {group.mean:.4f} "
            f"(95% interval {interval[0]:.4f} to {interval[1]:.4f}), {text(group.overrides)}"
        )
    flags.print(data, lambda: "\n".join(lines), indent=1)
