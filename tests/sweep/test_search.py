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


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:s3c@host/db", "postgresql://me:***@host/db"),
        ("postgresql://:s3c@host/db", "postgresql://:***@host/db"),
        ("postgresql://me:s3c/x?y:z@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me@host/db?password=s3c", "postgresql://me@host/db?password=***"),
        ("postgresql://me@h/db?a=b&password=s3c&c=d", "postgresql://me@h/db?a=b&password=***&c=d"),
        ("postgresql://h/db?%70assword=s3c@s3c", "postgresql://h/db?%70assword=***"),
        ("postgresql://me@h/db?sslPassword=s3c", "postgresql://me@h/db?sslPassword=***"),
        ("mysql://me@h/db?passwd=s3c?s3c", "mysql://me@h/db?passwd=***"),
        ("mssql+pyodbc:///?odbc_connect=UID%3Dme;PWD%3Ds3c", "mssql+pyodbc:///?odbc_connect=***"),
        ("sqlite+pysqlcipher://:s3c@/x.db", "sqlite+pysqlcipher://:***@/x.db"),
        ("postgresql://me:s3c@s3c@host/db", "***"),  # unescaped: where it ends is unknown
        ("postgresql://me:s3c@s3c?s3c/db", "***"),
        ("postgresql://me:s3c@s3c/s3c@host/db", "***"),
        ("host=h user=me password=s3c", "***"),
        ("me:s3c@host", "***"),
        ("postgresql://me:s3c\n@host/db", "postgresql://me:***@host/db"),
    ],
)
def test_a_password_is_neither_shown_nor_stored(url, shown):
    """A database URL with one is refused, since it would be stored; the message masks it."""
    assert search.without_password(url) == shown
    options = {"storage": url, "sampler": "tpe", "pruner": "none", "workers": 1}
    with pytest.raises(ConfigError, match=r"expected a URL.*without a password") as raised:
        search.check(options)
    assert "s3c" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "", "postgresql://me@host/db", "postgresql+psycopg://me@10.0.0.1:5432/db?sslmode=require",
        "postgresql://me@[::1]:5432/db?passfile=/home/me/.pgpass&options=-c%20a=b@c",
        "postgresql://host/db", "sqlite:///x.db", "sqlite:////a:b@c/x.db", "mysql+pymysql://me@/db",
        "postgresql://me@a,b:1/db?host=/var/run/@x", "mysql://me@h/db?read_default_file=~/.my.cnf",
    ],
)  # fmt: skip
def test_a_url_without_a_password(url):
    """Is shown and accepted as it is."""
    assert search.without_password(url) == url
    search.check({"storage": url, "sampler": "tpe", "pruner": "none", "workers": 1})


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
