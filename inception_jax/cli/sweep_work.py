"""inception-jax sweep work DIR --worker=N

Runs one worker of a search: it asks the study for a trial, trains it and reports the result, until
the search is complete. `sweep launch` starts --workers of these. Exits with 75 when it is stopped:
the same command resumes its trial.
"""  # noqa: D415

from functools import partial
from pathlib import Path

from inception_jax.cli import sweeps
from inception_jax.errors import ConfigError
from inception_jax.sweep import folder


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = sweeps.of_directory("work", __doc__)
    values = flags.whole("worker", 0, "index of this worker").parse(argv)
    sweep = folder.read(Path(flags.words[0]))
    if sweep.search is None:
        raise ConfigError(
            f"{sweep.folder} is a grid: its trials need no workers; use `sweep resume`"
        )
    from inception_jax.sweep.worker import SearchWorker

    given = sweep.config_arg()
    suggest = sweeps.searcher(given)
    build, say = (lambda o: sweeps.build(given, sweep.base, o)), partial(print, flush=True)
    SearchWorker(sweep, values.worker, suggest, build, say).work()
