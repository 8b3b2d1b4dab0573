"""Shared by the actions of `sweep`: declares, builds, checks and submits a config page's sweep."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inception_jax.cli import neighbours, pages, train
from inception_jax.cli.flags import Flags, split_flag
from inception_jax.config import tasks
from inception_jax.errors import ConfigError
from inception_jax.sweep import folder, grid, search
from inception_jax.sweep import trial as trials
from inception_jax.sweep.folder import Sweep
from inception_jax.workdir import run_dir

if TYPE_CHECKING:
    from inception_jax.sweep.progress import TrialProgress

METRICS = tuple(tasks.METRICS)
OF_SEARCH = ("trials", "workers", "sampler", "pruner", "startup", "seed", "storage", "grace")


def declare(flags: Flags) -> Flags:
    """Declares the flags that define a sweep."""
    flags.page()
    flags.text("sweep", "", "names of the page's sweep_*() functions: lr,seed is their product")
    flags.switch("search", "let Optuna choose the trials, with the page's search(trial)")
    flags.path("dir", None, "directory of the sweep: created, or extended")
    flags.text(
        "metric", "", "metric that compares trials; the score of the page's task if not given"
    )
    flags.whole("trials", 20, "search: number of trials", low=1)
    flags.whole("workers", 1, "search: number of concurrent trials", low=1)
    flags.text("sampler", "tpe", "search: " + ", ".join(search.SAMPLERS))
    flags.text("pruner", "none", "search: " + ", ".join(search.PRUNERS) + ", by evaluations")
    flags.whole("startup", 10, "search: random trials before the sampler starts")
    flags.whole("seed", 0, "search: seed of the sampler")
    flags.text("storage", "", "search: postgresql+psycopg://USER@HOST/NAME (default: a file)")
    return flags.number(
        "grace", 120, "search: seconds without a heartbeat until a trial is freed", low=1
    )


def expanded(flags: Flags, argv: list[str]) -> tuple[Sweep, int, dict[str, bytes]]:
    """The sweep that the flags define, every trial built and checked; writes nothing.

    Returns:
        the sweep, the number of new trials, and the page's file and those it imports, by name.

    Raises:
        ConfigError: a trial's config is invalid, or the directory holds something else.
    """
    values = flags.values
    given, _ = split_flag(argv, "config")
    page, argument = pages.split(str(given))
    if not values.dir:
        raise ConfigError("expected --dir=DIR, for example --dir=runs/sweep")
    if bool(values.sweep) == values.search:
        names = grid.known(pages.functions(str(given)))
        raise ConfigError(f"expected --sweep=NAMES or --search; the page's sweeps are {names}")
    if values.metric not in ("", *METRICS):
        raise ConfigError(f"--metric={values.metric}: expected one of {', '.join(METRICS)}")
    if values.sweep:
        flags.unused("with --sweep", *OF_SEARCH)
    base = [w for w in argv if w.startswith(("--config.", "--noconfig."))]
    at = Path(values.dir)
    if at.exists() and (
        not at.is_dir() or (any(at.iterdir()) and not (at / folder.FILE).is_file())
    ):
        raise ConfigError(
            f"--dir={at}: expected a new directory or a sweep's; it holds other files"
        )
    files = neighbours.files(page)
    metric = values.metric or _score(str(given), base)
    fresh = folder.new(at, page, files, argument, base, metric)
    sweep = fresh
    if (at / folder.FILE).is_file():
        sweep = folder.read(at)
        _check_same(sweep, fresh, values.search)
        sweep.page = fresh.page
    new = _search(sweep, values, str(given)) if values.search else _grid(sweep, values, str(given))
    return sweep, new, files


def _check_same(saved: Sweep, new: Sweep, searching: bool) -> None:
    """Refuses to change the definition of an existing sweep."""
    kinds = ("a grid", "a search")
    for name, a, b in (
        ("the directory", kinds[saved.search is not None], kinds[searching]),
        ("its page argument", saved.argument, new.argument),
        ("its shared overrides", " ".join(saved.base), " ".join(new.base)),
        ("its metric", saved.metric, new.metric),
    ):
        if a != b:
            raise ConfigError(
                f"--dir={saved.folder} holds another sweep: {name} is {a or 'none'}, now "
                f"{b or 'none'}; choose another --dir"
            )


def _score(given: str, base: list[str]) -> str:
    """The metric by which the page's task compares."""
    return tasks.TASKS[build(given, base, {})["data"]["task"]].score


def _folds(given: str, base: list[str]) -> list[dict[str, Any]]:
    """A trial for each of data.folds, evaluated on what it holds out: `sweep_fold` of any page."""
    count = build(given, base, {})["data"]["folds"]
    if not count:
        raise ConfigError("--sweep=fold: expected --config.data.folds=5, or another number")
    return [{"data.fold": i, "eval.split": "fold"} for i in range(count)]


def _grid(sweep: Sweep, values: Any, given: str) -> int:
    functions = dict(pages.functions(given))
    functions.setdefault("sweep_fold", partial(_folds, given, sweep.base))
    rows, seen = [], {}
    for overrides in grid.product(functions, values.sweep):
        name = trials.digest(build(given, sweep.base, overrides))
        if name in seen:
            raise ConfigError(
                f"--sweep={values.sweep}: two trials are the same: {trials.text(seen[name])} and "
                f"{trials.text(overrides)}"
            )
        seen[name] = overrides
        rows.append({"overrides": overrides, "hash": name})
    return sweep.add(rows)


def _search(sweep: Sweep, values: Any, given: str) -> int:
    wanted = {key: getattr(values, key) for key in OF_SEARCH}
    search.check(wanted)
    before = sweep.search or {}
    for key in ("storage", "sampler", "seed"):
        if before and before[key] != wanted[key]:
            raise ConfigError(
                f"--{key}={wanted[key]}: the search in {sweep.folder} has "
                f"{search.without_password(before[key]) if key == 'storage' else before[key]!r}"
            )
    suggest = searcher(given)
    search.rehearse(suggest, lambda overrides: build(given, sweep.base, overrides))
    if wanted["storage"]:
        search.storage(wanted["storage"], sweep.folder)  # fails if it cannot be reached from here
    name = before.get("name") or f"{sweep.folder.absolute().name}-{int(sweep.created['time'])}"
    sweep.search = {"name": name, "preemptions": 1000, "crashes": 10, **wanted}
    return wanted["trials"] - before.get("trials", 0)


def searcher(given: str) -> Any:
    """A page's `search` function."""
    function = pages.functions(given).get("search")
    if function is None:
        raise ConfigError(f"--search: expected a function search(trial) in {given}, found none")
    return function


def build(given: str, base: list[str], overrides: dict[str, Any]) -> dict[str, Any]:
    """The config of a trial, parsed and checked as its command will; an error names the trial."""
    shared = {word.partition("=")[0].partition("config.")[2] for word in base}
    if both := sorted(shared & overrides.keys()):
        raise ConfigError(f"--config.{both[0]}: the sweep sets it; leave it out")
    flags = train.flags()
    try:
        flags.parse(trials.flags(given, base, overrides))
        return run_dir.plain(flags.config())
    except ConfigError as e:
        raise ConfigError(f"trial {trials.text(overrides)}: {e}") from e


def write(sweep: Sweep, files: dict[str, bytes]) -> None:
    """Writes the sweep's directory with a copy of the page's files, which the trials read.

    Raises:
        ConfigError: the copy cannot be loaded, because the page depends on its location.
    """
    sweep.write(files)
    rows = sweep.rows[-1:] or [{"overrides": {}}]
    try:
        build(sweep.config_arg(), sweep.base, rows[0]["overrides"])
    except ConfigError as e:
        raise ConfigError(
            f"{sweep.original} cannot be moved, and the trials read a copy of it: read no file "
            f"beside it, and load pages from the working directory, pages.load('configs/...'); {e}"
        ) from e


def of_directory(action: str, doc: str | None) -> Flags:
    """The flags of an action on the directory of an existing sweep, its positional argument."""
    return Flags(f"sweep {action}", doc).arguments("the directory of a sweep", "runs/sweep")


def outcomes(sweep: Sweep) -> "list[TrialProgress]":
    """The progress of every trial, from the files of its run."""
    from inception_jax.sweep import progress

    return [progress.read(trial, sweep.metric) for trial in sweep.trials()]
