"""inception-jax sweep best DIR [--json]

The best of the trials that are done, by the last evaluation of each: its values, and the flags that
make its config again, --config first, to be copied behind `train`.
"""  # noqa: D415

import json
import shlex

from inception_jax.cli import sweeps
from inception_jax.cli.flags import Flags
from inception_jax.errors import DataError
from inception_jax.sweep import folder
from inception_jax.sweep.trial import text


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("sweep best", __doc__ or "").switch("json", "print JSON")
    path, values = sweeps.directory("best", argv, flags)
    from inception_jax.sweep.comparison import Comparison

    sweep = folder.read(path)
    comparison = Comparison(sweep)
    best = comparison.best
    if best is None:
        total = len(comparison.rows)
        raise DataError(f"{path}: expected a trial that is done, found none of {total}")
    line = shlex.join(sweep.config_flags(best.trial))
    if values.json:
        print(json.dumps({"index": best.trial.index, "folder": str(best.trial.folder),
                          sweep.metric: best.value, "overrides": best.trial.overrides,
                          "line": line}, indent=1))  # fmt: skip
        return
    print(
        f"trial {best.trial.index} of {len(comparison.done)} done: {sweep.metric} {best.value:.4f}"
    )
    print(f"{text(best.trial.overrides)}")
    print(f"{best.trial.folder}")
    print(line)
