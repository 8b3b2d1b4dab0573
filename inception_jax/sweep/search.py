"""Adaptive search: a page's `search(trial)`, Optuna's suggestions, and a study that all share.

The study lies in the sweep's directory, as a journal that any number of workers append to, or in a
database that a URL names.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from inception_jax.errors import ConfigError
from inception_jax.sweep.folder import Sweep

SAMPLERS = ("tpe", "random", "cmaes")
PRUNERS = ("none", "median", "asha", "hyperband")
JOURNAL = "study.log"
NAME = "sweep"


def optuna() -> Any:
    """The library, quiet.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import optuna
    except ImportError as e:
        raise ConfigError(f"a search needs Optuna: pip install 'inception-jax[sweep]' ({e})") from e
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def storage(url: str, folder: Path) -> Any:
    """The study's storage: the journal in `folder`, or what `url` names.

    Raises:
        ConfigError: the database cannot be reached, or its driver is missing.
    """
    o = optuna()
    if not url:
        from optuna.storages.journal import JournalFileBackend

        return o.storages.JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    try:
        return o.storages.RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
    except Exception as e:
        raise ConfigError(
            f"--storage={hidden(url)}: {type(e).__name__}: {str(e).splitlines()[0]}; expected "
            f"the URL of a database that is there, such as postgresql+psycopg://USER@HOST/NAME"
        ) from e


def hidden(url: str) -> str:
    """A URL without its password."""
    head, at, tail = url.rpartition("@")
    user = head.rpartition(":")[0] if ":" in head.partition("://")[2] else head
    return f"{user}:***{at}{tail}" if at and user != head else url


def check(given: dict[str, Any]) -> None:
    """Refuses what no search could be made of.

    Raises:
        ConfigError: names the flag.
    """
    for key, choices in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        if given[key] not in choices:
            raise ConfigError(f"--{key}={given[key]}: expected one of {', '.join(choices)}")
    if given["storage"].startswith("sqlite") and given["workers"] > 1:
        raise ConfigError(
            f"--storage={given['storage']}: SQLite locks up under several workers; leave it out "
            f"for a journal file, or give a PostgreSQL URL, or --workers=1"
        )
    if given["storage"] and "://" not in given["storage"]:
        raise ConfigError(f"--storage={given['storage']}: expected a URL such as "
                          f"postgresql+psycopg://USER@HOST/NAME")  # fmt: skip


def study(sweep: Sweep, create: bool = False) -> Any:
    """The sweep's study.

    Args:
        sweep: that is a search.
        create: make it if it is not there.

    Raises:
        ConfigError: its storage cannot be used, or it holds no such study.
    """
    o, given = optuna(), sweep.search
    assert given is not None
    where = {"study_name": given["name"], "storage": storage(given["storage"], sweep.folder)}
    chosen = pruner(given["pruner"])
    if create:
        direction = "minimize" if sweep.metric == "loss" else "maximize"
        return o.create_study(**where, pruner=chosen, direction=direction, load_if_exists=True)
    try:
        return o.load_study(**where, pruner=chosen)
    except KeyError as e:
        raise ConfigError(f"{sweep.folder}: its study {given['name']!r} is not there yet") from e


def sampler(sweep: Sweep, worker: int, asked: int) -> Any:
    """A sampler for one suggestion.

    Its seed is a function of the search's, the worker and how many trials there were: workers that
    shared one would suggest the same, and so would one that starts again.
    """
    o, given = optuna(), sweep.search
    assert given is not None
    seed = (given["seed"] * 1_000_003 + worker * 10_007 + asked) % 2**31
    if given["sampler"] == "random":
        return o.samplers.RandomSampler(seed=seed)
    if given["sampler"] == "cmaes":
        return o.samplers.CmaEsSampler(seed=seed, n_startup_trials=given["startup"])
    # What others are trying counts as bad, or parallel workers would try the same.
    return o.samplers.TPESampler(
        seed=seed, n_startup_trials=given["startup"], constant_liar=True, multivariate=True,
    )  # fmt: skip


def pruner(name: str) -> Any:
    """A pruner by its name; it looks at the evaluations, by whole epochs."""
    p = optuna().pruners
    return {
        "none": p.NopPruner,
        "median": p.MedianPruner,
        "asha": p.SuccessiveHalvingPruner,
        "hyperband": p.HyperbandPruner,
    }[name]()


def rehearse(function: Callable[[Any], Any], build: Callable[[dict[str, Any]], Any]) -> None:
    """Has `function` make twenty suggestions at random, and each of them a config.

    Raises:
        ConfigError: one of them breaks, or is no config: so would a trial, hours later.
    """
    o = optuna()
    study = o.create_study(sampler=o.samplers.RandomSampler(seed=0))
    for _ in range(20):
        build(suggestion(function, study.ask()))


def suggestion(function: Callable[[Any], Any], trial: Any) -> dict[str, Any]:
    """The overrides that a page's `search(trial)` makes of a trial.

    Raises:
        ConfigError: it breaks, or makes none.
    """
    from inception_jax.sweep import grid

    try:
        made = function(trial)
    except Exception as e:
        raise ConfigError(f"search(trial): {type(e).__name__}: {e}") from e
    return grid.checked(made, "search(trial)")
