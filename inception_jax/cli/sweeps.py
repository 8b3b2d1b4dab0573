"""What the actions of `sweep` have in common: a page's sweep declared, built, checked, read."""

from pathlib import Path
from typing import Any

from inception_jax.cli import pages, train
from inception_jax.cli.flags import Flags, taken
from inception_jax.errors import ConfigError
from inception_jax.sweep import folder, grid, search
from inception_jax.sweep import trial as trials
from inception_jax.sweep.folder import Sweep
from inception_jax.workdir import run_dir

METRICS = ("top1", "top5", "loss")


def declare(flags: Flags) -> Flags:
    """The flags that say what a sweep is of."""
    flags.page()
    flags.text("sweep", "", "names of the page's sweep_*() functions: lr,seed is their product")
    flags.switch("search", "let Optuna choose: the page's search(trial)")
    flags.text("dir", None, "directory of the sweep: created, or added to")
    flags.text("metric", "top1", "what trials are compared by: " + ", ".join(METRICS))
    flags.whole("trials", 20, "of a search: how many", low=1)
    flags.whole("workers", 1, "of a search: how many trials at a time", low=1)
    flags.text("sampler", "tpe", "of a search: " + ", ".join(search.SAMPLERS))
    flags.text("pruner", "none", "of a search: " + ", ".join(search.PRUNERS) + ", by evaluations")
    flags.whole("startup", 10, "of a search: trials at random before the sampler begins")
    flags.whole("seed", 0, "of a search's sampler")
    flags.text("storage", "", "of a search: postgresql+psycopg://USER@HOST/NAME (a journal file)")
    return flags.number("grace", 120, "of a search: seconds of silence that free a trial", low=1)


def expanded(flags: Flags, argv: list[str]) -> tuple[Sweep, int, str]:
    """The sweep that the flags declare, every trial built and checked; nothing is written.

    Returns:
        the sweep, how many of its trials are new, and the text of its page.

    Raises:
        ConfigError: a trial would not start, or the directory holds something else.
    """
    values = flags.values
    given, _ = taken(argv, "config")
    page, _, argument = str(given).partition(":")
    if not values.dir:
        raise ConfigError("expected --dir=DIR, for example --dir=runs/sweep")
    if bool(values.sweep) == values.search:
        names = grid.known(pages.functions(page))
        raise ConfigError(f"expected --sweep=NAMES or --search; the page's sweeps are {names}")
    if values.metric not in METRICS:
        raise ConfigError(f"--metric={values.metric}: expected one of {', '.join(METRICS)}")
    base = [w for w in argv if w.startswith(("--config.", "--noconfig."))]
    at = Path(values.dir)
    if at.exists() and (
        not at.is_dir() or (any(at.iterdir()) and not (at / folder.FILE).is_file())
    ):
        raise ConfigError(
            f"--dir={at}: expected a new directory or a sweep's; it holds other things"
        )
    fresh = folder.new(at, Path(page), argument, base, values.metric)
    sweep = fresh
    if (at / folder.FILE).is_file():
        sweep = folder.read(at)
        _agree(sweep, fresh, values.search)
        sweep.page = fresh.page
    new = _search(sweep, values, str(given)) if values.search else _grid(sweep, values, str(given))
    return sweep, new, Path(page).read_text(encoding="utf-8")


def _agree(there: Sweep, now: Sweep, searching: bool) -> None:
    """Refuses to make another sweep of the one that is there."""
    kinds = ("a grid", "a search")
    for name, a, b in (
        ("the directory", kinds[there.search is not None], kinds[searching]),
        ("its page argument", there.argument, now.argument),
        ("its shared overrides", " ".join(there.base), " ".join(now.base)),
        ("its metric", there.metric, now.metric),
    ):
        if a != b:
            raise ConfigError(
                f"--dir={there.folder} holds another sweep: {name} is {a or 'none'}, now "
                f"{b or 'none'}; choose another --dir"
            )


def _grid(sweep: Sweep, values: Any, given: str) -> int:
    functions = pages.functions(given)
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
    keys = ("trials", "workers", "sampler", "pruner", "startup", "seed", "storage", "grace")
    wanted = {key: getattr(values, key) for key in keys}
    search.check(wanted)
    before = sweep.search or {}
    kept = ("storage", "sampler", "seed")
    for key in kept:
        if before and before[key] != wanted[key]:
            raise ConfigError(
                f"--{key}={wanted[key]}: the search in {sweep.folder} has {before[key]!r}"
            )
    suggest = searcher(given)
    search.rehearse(suggest, lambda overrides: build(given, sweep.base, overrides))
    if wanted["storage"]:
        search.storage(wanted["storage"], sweep.folder)  # reachable from here, at least
    name = before.get("name") or f"{sweep.folder.absolute().name}-{int(sweep.created['time'])}"
    sweep.search = {"name": name, "preemptions": 1000, "crashes": 10, **wanted}
    return wanted["trials"] - before.get("trials", 0)


def searcher(given: str) -> Any:
    """A page's `search` function.

    Raises:
        ConfigError: it has none.
    """
    function = pages.functions(given).get("search")
    if function is None:
        raise ConfigError(f"--search: expected a function search(trial) in {given}, found none")
    return function


def build(given: str, base: list[str], overrides: dict[str, Any]) -> dict[str, Any]:
    """The config of a trial, as its command will read it, with every check.

    Raises:
        ConfigError: names the trial and what is wrong with it.
    """
    shared = {word.partition("=")[0].partition("config.")[2] for word in base}
    if both := sorted(shared & overrides.keys()):
        raise ConfigError(f"--config.{both[0]}: the sweep itself sets it; leave it out")
    words = trials.command(given, base, overrides, Path("unused"))
    flags = train.flags()
    try:
        flags.parse(list(words[1:]))
        return run_dir.plain(flags.config())
    except ConfigError as e:
        raise ConfigError(f"trial {trials.text(overrides)}: {e}") from e


def write(sweep: Sweep, page: str) -> None:
    """Writes the sweep's directory; what its trials will read is the copy of the page in it.

    Raises:
        ConfigError: the copy does not load, because the page depends on where it lies.
    """
    sweep.write(page)
    rows = sweep.rows[-1:] or [{"overrides": {}}]
    try:
        build(sweep.config_arg(), sweep.base, rows[0]["overrides"])
    except ConfigError as e:
        raise ConfigError(
            f"{sweep.original} is a page that cannot be moved, and a sweep keeps its copy: "
            f"load what it needs by its path from here, pages.load('configs/...'); {e}"
        ) from e


def directory(command: str, argv: list[str], flags: Flags) -> tuple[Path, Any]:
    """The one word of an action, a sweep's directory, and the values of its flags.

    Raises:
        ConfigError: it is missing.
    """
    values = flags.parse(argv, words=1)
    if not flags.words:
        raise ConfigError(f"expected `sweep {command} DIR`, the directory of a sweep")
    return Path(flags.words[0]), values
