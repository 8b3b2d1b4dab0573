"""Adaptive search: a page's `search(trial)` function, and the Optuna study that workers share.

The study is a journal file in the sweep's directory, or lives in a database.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from inception_jax.config.user_code import user_code
from inception_jax.errors import ConfigError
from inception_jax.sweep import grid
from inception_jax.sweep.folder import Sweep

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage

SAMPLERS = ("tpe", "random", "cmaes")
PRUNERS = {"none": "NopPruner", "median": "MedianPruner", "asha": "SuccessiveHalvingPruner",
           "hyperband": "HyperbandPruner"}  # fmt: skip
JOURNAL = "study.log"
NAME = "sweep"
# scheme:///file, or scheme://[user[:password]@]host[/name]; then ?query
URL = re.compile(
    r"(?P<scheme>[\w+.-]+://)"
    r"(?:/[^?]*|(?:(?P<user>[^:/@?]*)(?P<password>:[^@]*)?@)?[\w.:,\[\]-]*(?:/[^?@]*)?)"
    r"(?P<query>\?[^=@?]+=.*)?",
    re.DOTALL,
)
SECRET = re.compile(r"pass(word|wd|phrase)?$|pwd|secret|token|connect$", re.IGNORECASE)


def optuna() -> Any:
    """Import Optuna, and silence its log.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import optuna
    except ImportError as e:
        raise ConfigError(f"a search needs Optuna: pip install 'inception-jax[sweep]' ({e})") from e
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def storage(url: str, folder: Path) -> "BaseStorage":
    """The storage of a study: a database, or the journal in `folder` if `url` is empty.

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
            f"--storage={without_password(url)}: {type(e).__name__}: {str(e).splitlines()[0]}; "
            f"expected the URL of an existing database: postgresql+psycopg://USER@HOST/NAME"
        ) from e


def without_password(url: str) -> str:
    """A database URL whose passwords are replaced by ***; wholly if it is no usual URL."""
    if not (match := URL.fullmatch(url)):
        return "***" if url else ""
    start, end = match.span("password")
    query = match.start("query") if match["query"] else len(url)
    place = url[:query] if start < 0 else f"{url[:start]}:***{url[end:query]}"
    pairs = [pair.partition("=") for pair in url[query:].split("&")]
    return place + "&".join(
        key + equals + ("***" if value and SECRET.search(unquote(key)) else value)
        for key, equals, value in pairs
    )


def check(options: dict[str, Any]) -> None:
    """Check the options of a search.

    Raises:
        ConfigError: the message names the flag.
    """
    url = options["storage"]
    if without_password(url) != url:
        raise ConfigError(
            f"--storage={without_password(url)}: expected a URL such as postgresql+psycopg://USER@"
            f"HOST/NAME without a password, because it is stored in the sweep's directory; put the "
            f"password into ~/.pgpass, or export PGPASSWORD"
        )
    for key, choices in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        if options[key] not in choices:
            raise ConfigError(f"--{key}={options[key]}: expected one of {', '.join(choices)}")
    if url.startswith("sqlite") and options["workers"] > 1:
        raise ConfigError(
            f"--storage={url}: SQLite fails with several workers; leave it out for "
            f"a journal file, or use a PostgreSQL URL, or --workers=1"
        )


def study(sweep: Sweep, create: bool = False) -> "Study":
    """Load the study of a search.

    Args:
        sweep: a sweep that is a search.
        create: create the study if it does not exist.

    Raises:
        ConfigError: the storage cannot be used, or does not contain the study.
    """
    o, options = optuna(), sweep.search
    assert options is not None
    where = {"study_name": options["name"], "storage": storage(options["storage"], sweep.folder)}
    chosen = pruner(options["pruner"])
    if create:
        direction = "maximize" if sweep.higher_is_better else "minimize"
        return o.create_study(**where, pruner=chosen, direction=direction, load_if_exists=True)
    try:
        return o.load_study(**where, pruner=chosen)
    except KeyError as e:
        raise ConfigError(f"{sweep.folder}: the study {options['name']!r} does not exist") from e


def sampler(sweep: Sweep, worker: int, count: int) -> "BaseSampler":
    """The sampler for one suggestion.

    Its seed depends on the search's seed, the worker and the number of trials so far: with a shared
    seed, parallel workers would suggest the same values, and so would a restarted worker.
    """
    o, options = optuna(), sweep.search
    assert options is not None
    seed = (options["seed"] * 1_000_003 + worker * 10_007 + count) % 2**31
    if options["sampler"] == "random":
        return o.samplers.RandomSampler(seed=seed)
    if options["sampler"] == "cmaes":
        return o.samplers.CmaEsSampler(seed=seed, n_startup_trials=options["startup"])
    # constant_liar: running trials count as bad, so that parallel workers try different values.
    return o.samplers.TPESampler(
        seed=seed, n_startup_trials=options["startup"], constant_liar=True, multivariate=True,
    )  # fmt: skip


def pruner(name: str) -> "BasePruner":
    """A pruner by name; its steps are whole epochs."""
    return getattr(optuna().pruners, PRUNERS[name])()


def rehearse(function: Callable[["Trial"], Any], build: Callable[[dict[str, Any]], Any]) -> None:
    """Make twenty random suggestions and build their configs, to find errors before launch.

    Raises:
        ConfigError: `function` fails, or returns overrides that are not a valid config.
    """
    o = optuna()
    study = o.create_study(sampler=o.samplers.RandomSampler(seed=0))
    for _ in range(20):
        build(suggestion(function, study.ask()))


def suggestion(function: Callable[["Trial"], Any], trial: "Trial") -> dict[str, Any]:
    """The overrides that a page's `search` function returns for a trial.

    Raises:
        ConfigError: it fails, or does not return a dict of config keys.
    """
    with user_code(lambda e: f"search(trial): {type(e).__name__}: {e}"):
        overrides = function(trial)
    return grid.checked(overrides, "search(trial)")
