"""inception-jax sweep resume DIR [--on=ENGINE] [flags]

Hands the trials that are not done to an engine again, the failed ones too, with full budgets; each
continues from its last checkpoint. Where they are not given, the engine and its flags are those of
the last launch.
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli import jobs, sweep_launch
from inception_jax.cli.flags import HELP, Flags, taken
from inception_jax.errors import ConfigError
from inception_jax.sweep import folder


def main(argv: list[str]) -> int | None:
    """Runs the command."""
    asked, rest = taken(argv, "on")
    words = [w for w in rest if not w.startswith("-")]
    if HELP & set(argv) or not words:
        flags = sweep_launch.common(Flags("sweep resume", __doc__ or ""))
        flags.parse(argv, words=1)
        raise ConfigError("expected `sweep resume DIR`, the directory of a sweep")
    sweep = folder.read(Path(words[0]))
    on = asked or sweep.launched.get("engine")
    if on not in sweep_launch.ON:
        raise ConfigError(f"--on={on or ''}: expected one of {', '.join(sweep_launch.ON)}")
    engine = jobs.engine(on)
    flags = jobs.declare(Flags("sweep resume", __doc__ or ""), engine.FLAGS)
    sweep_launch.common(flags)
    values = flags.parse(rest, words=1)
    if sweep.launched.get("engine") == on:
        for name, value in sweep.launched["flags"].items():
            if name in flags.values and not flags.values[name].present:
                flags.values[name].value = value
    spec = sweep_launch.jobs_of(sweep, engine, values)
    files = engine.render(spec)
    if values.print:
        jobs.show(files)
        return None
    jobs.refuse_second(sweep.folder)
    sweep.launched = {"engine": on, "flags": sweep_launch.flags_of(engine, values)}
    sweep.save()
    return sweep_launch.start(sweep, on, engine, spec, files)
