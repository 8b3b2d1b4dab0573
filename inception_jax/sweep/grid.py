"""Grids: the product of the overrides that a page's `sweep_*` functions yield."""

import difflib
import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

from inception_jax.config import RULES, as_python
from inception_jax.config.user_code import user_code
from inception_jax.errors import ConfigError, did_you_mean

PREFIX = "sweep_"
MAX_TRIALS = 10_000  # more is most likely a mistake

Overrides = dict[str, Any]


def product(functions: dict[str, Callable[[], Iterable[Overrides]]], names: str) -> list[Overrides]:
    """All combinations of the named sweeps; the last name varies fastest.

    Args:
        functions: functions of the page, by name.
        names: comma-separated: `lr,seed` for `sweep_lr` and `sweep_seed`.

    Raises:
        ConfigError: a name is unknown or repeated, a function fails or does not yield dicts of
            config keys, or two of them set the same key.
    """
    wanted = [n.strip() for n in names.split(",") if n.strip()]
    if not wanted:
        raise ConfigError(f"--sweep={names}: expected names, such as --sweep={known(functions)}")
    if twice := sorted({n for n in wanted if wanted.count(n) > 1}):
        raise ConfigError(f"--sweep={names}: {twice[0]} is named twice")
    rows = [_rows(n, _named(functions, n)) for n in wanted]
    for (a, left), (b, right) in itertools.combinations(zip(wanted, rows, strict=True), 2):
        if both := {k for r in left for k in r} & {k for r in right for k in r}:
            raise ConfigError(f"--sweep={names}: {a} and {b} both set {', '.join(sorted(both))}")
    if (size := math.prod(map(len, rows))) > MAX_TRIALS:
        counts = " x ".join(str(len(r)) for r in rows)
        raise ConfigError(
            f"--sweep={names}: {counts} are {size:,} trials; expected at most {MAX_TRIALS:,}"
        )
    return [{k: v for row in rows for k, v in row.items()} for rows in itertools.product(*rows)]


def known(functions: dict[str, Any]) -> str:
    """The names of a page's sweeps, comma-separated."""
    names = [n.removeprefix(PREFIX) for n in functions if n.startswith(PREFIX)]
    return ",".join(names) or "none: it declares no sweep_*() function"


def _named(functions: dict[str, Any], name: str) -> Callable[[], Iterable[Overrides]]:
    function = functions.get(PREFIX + name.removeprefix(PREFIX))
    if function is None:
        names = [n.removeprefix(PREFIX) for n in functions if n.startswith(PREFIX)]
        hint = did_you_mean(name, names)
        raise ConfigError(f"--sweep={name}: the page has {known(functions)}{hint}")
    return function


def _rows(name: str, function: Callable[[], Iterable[Overrides]]) -> list[Overrides]:
    where = f"{PREFIX}{name.removeprefix(PREFIX)}()"
    with user_code(lambda e: f"{where}: {type(e).__name__}: {e}"):
        result = function()
        rows = [result] if isinstance(result, dict) else list(result)
    if not rows:
        raise ConfigError(f"{where}: expected dicts of overrides, but it yields nothing")
    return [checked(row, where) for row in rows]


def checked(row: Any, where: str) -> Overrides:
    """Check a dict of overrides, and convert NumPy's values to Python's.

    Raises:
        ConfigError: it is not a dict, or a key is not in the config.
    """
    if not isinstance(row, dict):
        raise ConfigError(
            f"{where}: expected dicts such as {{'optim.lr': 0.1}}, got the "
            f"{type(row).__name__} {row!r}"
        )
    for key in row:
        if key not in RULES:
            near = difflib.get_close_matches(str(key), RULES, 1)
            same = [k for k in RULES if k.split(".")[-1] == str(key).split(".")[-1]]
            hint = f"; did you mean {(same or near)[0]!r}?" if same or near else ""
            raise ConfigError(f"{where}: {key!r} is not a key of the config{hint}")
    return {key: as_python(value) for key, value in row.items()}


def flag(key: str, value: Any) -> str:
    """An override as a command-line flag."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, list | tuple):
        text = repr(tuple(value))
    else:
        text = str(value)
    return f"--config.{key}={text}"
