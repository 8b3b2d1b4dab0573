"""A search worker whose trainings are fake: they end with given exit codes."""

from inception_jax.cli import sweeps
from inception_jax.sweep import search
from inception_jax.sweep.worker import SearchWorker
from tests.sweep import fake_trials


def worker(sweep, number=0, codes=()):
    """A worker whose trainings end with these codes, then with 0; and its log."""
    page, log, codes = sweep.config_arg(), [], list(codes)
    worker = SearchWorker(
        sweep, number, sweeps.searcher(page), lambda o: sweeps.build(page, sweep.base, o),
        log.append,
    )  # fmt: skip

    def train(optuna_trial, trial):
        code = codes.pop(0) if codes else 0
        if code == 0:
            fake_trials.finish(trial.folder, trial.overrides)
        if code == "diverged":
            (trial.folder / "diverged").mkdir()
            return 65, False
        return (75, True) if code == "pruned" else (code, False)

    worker._train = train
    return worker, log


def outcomes(sweep):
    """The state and the reason of each trial of the study."""
    return [(t.state.name, t.user_attrs.get("why", "")) for t in search.study(sweep).trials]
