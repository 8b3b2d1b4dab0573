"""inception-jax sweep work DIR --worker=N

One worker of a search: it asks the study for a trial, trains it, tells the result, until there are
as many as the search wants. `sweep launch` starts as many of these as there are workers. Ends with
75 when it was stopped: the same command takes its trial up again.
"""  # noqa: D415

from inception_jax.cli import sweeps
from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError
from inception_jax.sweep import folder


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("sweep work", __doc__ or "").whole("worker", 0, "which of the workers this is")
    path, values = sweeps.directory("work", argv, flags)
    sweep = folder.read(path)
    if sweep.search is None:
        raise ConfigError(f"{path} is a grid: its trials need no workers; use `sweep resume`")
    from inception_jax.sweep.worker import SearchWorker

    given = sweep.config_arg()
    suggest = sweeps.searcher(given)
    worker = SearchWorker(
        sweep, values.worker, suggest, lambda o: sweeps.build(given, sweep.base, o), _say
    )
    worker.work()


def _say(text: str) -> None:
    print(text, flush=True)
