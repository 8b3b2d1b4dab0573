"""Reads config pages and saved configs; errors name the file, the line and a fix."""

import difflib
import inspect
import os
import re
import traceback
from functools import partial
from pathlib import Path
from typing import Any, cast

from ml_collections import ConfigDict

from inception_jax import config as configs
from inception_jax.cli import neighbours
from inception_jax.config.user_code import user_code
from inception_jax.errors import ConfigError
from inception_jax.runtime import user_paths
from inception_jax.workdir import run_dir


def load(given: str) -> configs.Config:
    """The config of `PAGE` or `PAGE:ARGUMENT`.

    Raises:
        ConfigError: the page does not exist, raises, or returns an incomplete config.
    """
    path, argument = split(given)
    with neighbours.of(path):
        return _load(given, path, argument)


def _load(given: str, path: Path, argument: str) -> configs.Config:
    get_config = _execute(path).get("get_config")
    if not callable(get_config):
        raise ConfigError(
            f"--config={path}: expected a function get_config(arg) that returns "
            f"inception_jax.config.new(...), found none"
        )
    if argument and not inspect.signature(get_config).parameters:
        raise ConfigError(f"--config={given}: this page takes no argument; write --config={path}")

    def message(e: BaseException) -> str:
        return f"--config={given}: {e}" if isinstance(e, ConfigError) else _broken(path, e)

    with user_code(message):
        config = get_config(argument) if argument else get_config()
    if not isinstance(config, ConfigDict):
        raise ConfigError(
            f"--config={path}: expected get_config to return inception_jax.config.new(...), "
            f"got {type(config).__name__}"
        )
    configs.check_keys(config, f"--config={given}: ")
    return cast(configs.Config, config)


def split(given: str) -> tuple[Path, str]:
    """The file and the argument of `PAGE[:ARGUMENT]`; there may be colons in both."""
    ends = [len(given), *(i for i in reversed(range(len(given))) if given[i] == ":")]
    for end in ends:
        if os.path.isfile(path := user_paths.expanded(given[:end])):
            return path, given[end + 1 :]
    name, _, argument = re.sub(r"\.py:", ".py\0", given, count=1).partition("\0")
    if name == given:
        name, _, argument = given.partition(":")
    return user_paths.expanded(name), argument


def functions(given: str) -> dict[str, Any]:
    """The functions `sweep_...` and `search` of a page, by name.

    A `sweep_...(arg)` that has a parameter is given the page's argument, as `get_config(arg)` is.
    """
    path, argument = split(given)
    with neighbours.of(path):
        scope = _execute(path)
    found = {"search": scope["search"]} if callable(scope.get("search")) else {}
    for name, f in scope.items():
        if callable(f) and name.startswith("sweep_"):
            found[name] = partial(f, argument) if inspect.signature(f).parameters else f
    return {name: neighbours.calling(f, path) for name, f in found.items()}


def of_run(workdir: str) -> configs.Config:
    """The saved config of the run in `workdir`.

    Raises:
        ConfigError: there is no run, or its config is invalid.
    """
    return configs.new(**run_dir.saved_config(Path(workdir)))


def _execute(path: Path) -> dict[str, Any]:
    """The names that a page defines. It is executed, not imported, so it leaves no .pyc file."""
    try:
        source = path.read_bytes()  # Python's compiler reads its encoding and a byte order mark
    except FileNotFoundError as e:
        raise ConfigError(f"--config={path}: no such page{_others(path)}") from e
    except OSError as e:
        raise ConfigError(f"--config={path}: expected a readable page; {e}") from e
    if b"\0" in source:
        raise ConfigError(f"--config={path}: expected Python in UTF-8, found null bytes")
    scope: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    with user_code(lambda e: _broken(path, e)):
        exec(compile(source, str(path), "exec"), scope)
    return scope


def _others(path: Path) -> str:
    """A hint: the nearest page, or all existing ones."""
    folders = [f for f in (path.parent, Path("configs")) if f.is_dir()]
    pages = sorted({str(p) for f in folders for p in f.glob("*.py")})
    names = {Path(p).stem: p for p in pages}
    if near := difflib.get_close_matches(path.stem, names, 1):
        return f"; did you mean {names[near[0]]}?"
    return f"; there are {', '.join(pages)}" if pages else "; name a Python file"


def _broken(path: Path, error: BaseException) -> str:
    """Where a page raised, and why."""
    frames = traceback.extract_tb(error.__traceback__)
    line, text = next(
        ((f.lineno, f.line) for f in reversed(frames) if f.filename == str(path)), (None, "")
    )
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        line, text, what = error.lineno, (error.text or "").strip(), f"syntax error: {error.msg}"
    where = f", line {line}" if line else ""
    return f"--config={path}{where}: {what}" + (f"\n  {text}" if text else "")
