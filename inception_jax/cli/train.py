"""inception-jax train --config=PAGE --workdir=DIR [--config.section.key=value ...]

Trains the page's config in the directory. The same command, given again, continues the run from its
last checkpoint; a finished run is left alone.

On several hosts every process gets the same command; under SLURM's srun, on TPU pods and under Open
MPI they find one another, elsewhere --coordinator, --processes and --process say who is who.
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def flags() -> Flags:
    """The flags of `train`."""
    flags = Flags("train", __doc__ or "").page()
    flags.text("workdir", None, "directory of the run: created, or continued")
    flags.key("profile", "log.profile", "trace so many steps, from the tenth on: where time goes")
    flags.switch("allow_config_change", "continue a run with a config other than its own")
    return flags.cluster()


def main(argv: list[str]) -> None:
    """Runs the command."""
    given = flags()
    values = given.parse(argv)
    config = given.config()
    if not values.workdir:
        raise ConfigError("expected --workdir=DIR, for example --workdir=runs/digits")
    from inception_jax.runtime import distributed, startup
    from inception_jax.workdir import metric_writer, run_dir

    workdir = Path(values.workdir)
    metric_writer.check_tracker(config.log.track)
    given.join(run_dir.notes(config, workdir))
    if distributed.first():
        run_dir.check(workdir, config, values.allow_config_change)
    startup.start(config.model.dtype)
    from inception_jax.train import run

    run.run(config, workdir, values.allow_config_change)
    if distributed.first():
        print(f"done: {workdir}. Look at it with: inception-jax report {workdir}")
