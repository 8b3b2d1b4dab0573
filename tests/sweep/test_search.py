"""Tests `sweep/search.py`: reproducible suggestions, pruners, and rehearsals."""

import pytest

from inception_jax.errors import ConfigError
from inception_jax.sweep import search

optuna = search.optuna()
STATES = optuna.trial.TrialState


@pytest.mark.parametrize("sampler", search.SAMPLERS)
def test_suggestions(new_search, sampler):
    """The same worker and trial count give the same suggestion; others a different one."""
    new_search.search["sampler"] = sampler

    def suggested(number, count):
        study = optuna.create_study(sampler=search.sampler(new_search, number, count))
        for i in range(count):
            study.add_trial(optuna.trial.create_trial(
                params={"x": 0.1 * i, "y": 0.2}, value=(0.1 * i - 0.5) ** 2,
                distributions={k: optuna.distributions.FloatDistribution(0, 1) for k in "xy"},
            ))  # fmt: skip
        trial = study.ask()
        return trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)

    cases = [(number, count) for number in range(3) for count in (0, 5, 9)]
    suggestions = [suggested(*p) for p in cases]
    assert suggestions == [suggested(*p) for p in cases]
    assert len(set(suggestions)) == len(suggestions)


@pytest.mark.parametrize("name", search.PRUNERS)
def test_pruners(name):
    """`none` prunes nothing; the others stop some bad trials early, never the best."""
    study = optuna.create_study(direction="maximize", pruner=search.pruner(name))
    ends = {}
    for number in range(40):
        trial, quality = study.ask(), (7 * number % 40) / 40  # shuffled
        for epoch in range(1, 28):
            trial.report(quality * (1 - 0.8**epoch), epoch)
            if trial.should_prune():
                break
        ends[quality] = epoch
        study.tell(trial, quality if epoch == 27 else None,
                   state=STATES.COMPLETE if epoch == 27 else STATES.PRUNED)  # fmt: skip
    early = [quality for quality, epoch in ends.items() if epoch < 27]
    assert bool(early) == (name != "none")
    assert ends[max(ends)] == 27 and max(early, default=0) < max(ends)
    assert not early or sum(early) / len(early) < sum(ends) / len(ends), "the worse ones"


def test_a_password_is_not_shown():
    """The password of a database URL is masked."""
    assert (
        search.without_password("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"
    )
    assert search.without_password("postgresql://me@host/db") == "postgresql://me@host/db"


def test_a_rehearsal_finds_a_rare_error():
    """Twenty random suggestions; an exception or an unknown key is an error before launch."""

    def function(trial):
        lr = trial.suggest_float("lr", 0.0, 1.0)
        return {"optim.lr": 1 / (lr < 0.8)}

    with pytest.raises(ConfigError, match="ZeroDivisionError"):
        search.rehearse(function, lambda overrides: overrides)
    with pytest.raises(ConfigError, match="not a key of the config"):
        search.rehearse(lambda trial: {"optim.rl": 1.0}, lambda overrides: overrides)


def test_a_study_that_does_not_exist(new_search):
    """The error names the directory."""
    new_search.search["name"] = "other"
    with pytest.raises(ConfigError, match="the study 'other' does not exist"):
        search.study(new_search)
