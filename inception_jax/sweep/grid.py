"""Grids: the dicts that a page's `sweep_*` functions yield, and their product."""

import difflib
import itertools
from collections.abc import Callable, Iterable
from typing import Any

from inception_jax.config import RULES
from inception_jax.errors import ConfigError

PREFIX = "sweep_"
MOST = 10_000  # trials; more is a mistake in a product

Overrides = dict[str, Any]


def product(functions: dict[str, Callable[[], Iterable[Overrides]]], names: str) -> list[Overrides]:
    """Every combination of the named sweeps: the last name varies fastest.

    Args:
        functions: of the page, by name.
        names: such as `lr,seed` for `sweep_lr` and `sweep_seed`.

    Raises:
        ConfigError: a name is unknown or there twice, a function breaks or yields something else
            than dicts of config keys, or two of them set the same key.
    """
    wanted = [n.strip() for n in names.split(",") if n.strip()]
    if not wanted:
        raise ConfigError(f"--sweep={names}: expected names, such as --sweep={known(functions)}")
    if twice := sorted({n for n in wanted if wanted.count(n) > 1}):
        raise ConfigError(f"--sweep={names}: {twice[0]} is there twice")
    rows = [_rows(n, _named(functions, n)) for n in wanted]
    for (a, left), (b, right) in itertools.combinations(zip(wanted, rows, strict=True), 2):
        if both := {k for r in left for k in r} & {k for r in right for k in r}:
            raise ConfigError(f"--sweep={names}: {a} and {b} both set {', '.join(sorted(both))}")
    size = 1
    for some in rows:
        size *= len(some)
    if size > MOST:
        counts = " x ".join(str(len(r)) for r in rows)
        raise ConfigError(f"--sweep={names}: {counts} are {size:,} trials; expected {MOST:,}")
    return [{k: v for row in rows for k, v in row.items()} for rows in itertools.product(*rows)]


def known(functions: dict[str, Any]) -> str:
    """The names that a page's sweeps go by, comma between."""
    names = [n.removeprefix(PREFIX) for n in functions if n.startswith(PREFIX)]
    return ",".join(names) or "none: it declares no sweep_*() function"


def _named(functions: dict[str, Any], name: str) -> Callable[[], Iterable[Overrides]]:
    function = functions.get(PREFIX + name.removeprefix(PREFIX))
    if function is None:
        names = [n.removeprefix(PREFIX) for n in functions if n.startswith(PREFIX)]
        near = difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"--sweep={name}: the page has {known(functions)}{hint}")
    return function


def _rows(name: str, function: Callable[[], Iterable[Overrides]]) -> list[Overrides]:
    where = f"{PREFIX}{name.removeprefix(PREFIX)}()"
    try:
        found = function()
        rows = [found] if isinstance(found, dict) else list(found)
    except Exception as e:
        raise ConfigError(f"{where}: {type(e).__name__}: {e}") from e
    if not rows:
        raise ConfigError(f"{where}: expected it to yield dicts of overrides, it yields nothing")
    return [checked(row, where) for row in rows]


def checked(row: Any, where: str) -> Overrides:
    """A dict of overrides, with plain values.

    Raises:
        ConfigError: it is none, or a key is none of the config's.
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
            raise ConfigError(f"{where}: {key!r} is no key of the config{hint}")
    return {key: value.item() if hasattr(value, "item") else value for key, value in row.items()}


def flag(key: str, value: Any) -> str:
    """An override as a flag of the command line."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, list | tuple):
        text = repr(tuple(value))
    else:
        text = str(value)
    return f"--config.{key}={text}"
