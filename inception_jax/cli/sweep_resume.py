"""inception-jax sweep resume DIR [--on=ENGINE] [flags]

Submits the unfinished trials again, including failed ones, with full restart budgets; each resumes
from its last checkpoint. The default engine and flags are those of the last launch.
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli import sweep_launch, sweeps
from inception_jax.cli.flags import HELP, split_flag
from inception_jax.sweep import folder


def main(argv: list[str]) -> int | None:
    """Runs the command."""
    asked, rest = split_flag(argv, "on")
    words = [w for w in rest if not w.startswith("-")]
    flags = sweeps.of_directory("resume", __doc__)
    if HELP & set(argv) or not words:  # without a sweep, the engine is unknown
        sweep_launch.declare(flags, None).parse(argv)
    sweep = folder.read(Path(words[0]))
    last = sweep.launched.get("engine")
    engine = sweep_launch.engine_of(asked or last)
    values = sweep_launch.declare(flags, engine).parse(rest)
    if last and asked in (None, last):
        for name, value in sweep.launched["flags"].items():
            if name in flags.values and not flags.values[name].present:
                flags.values[name].value = value
    return sweep_launch.submit(sweep, engine, values, sweep.save)
