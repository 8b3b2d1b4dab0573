"""inception-jax train --config=PAGE --workdir=DIR [--config.section.key=value ...]

Trains a config page in the directory. The same command resumes the run from its last checkpoint; a
finished run is left unchanged, or continued if train.epochs is raised.

On several hosts start the same command in every process. Under SLURM's srun, on TPU pods and under
Open MPI the processes find each other; elsewhere give --coordinator, --processes and --process.
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError, shown


def flags() -> Flags:
    """The flags of `train`."""
    flags = Flags("train", __doc__).page()
    flags.path("workdir", None, "directory of the run: created, or resumed")
    flags.key("profile", "log.profile", "trace N steps, from the tenth on, for a profiler")
    flags.switch("allow_config_change", "resume a run with a config other than its own")
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
        print(shown(f"done: {workdir}. Look at it with: inception-jax report {workdir}"))
