"""Runs the code of a config page: it neither ends this process nor chooses its exit code."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import NoReturn

from inception_jax.errors import ConfigError

ENDINGS = ("_exit", "abort", "execv", "execve")  # of `os`: they return to nobody


@contextlib.contextmanager
def user_code(message: Callable[[BaseException], str]) -> Iterator[None]:
    """Raise a `ConfigError` with `message(error)` for whatever a page's code in the body raises.

    So does `sys.exit`. A function of `os` that would end the process raises instead.
    """

    def refused(*args: object, **more: object) -> NoReturn:
        raise RuntimeError("a page must return a config, and not end the process")

    saved = {name: getattr(os, name) for name in ENDINGS}
    for name in ENDINGS:
        setattr(os, name, refused)
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as e:
        raise ConfigError(message(e)) from e
    finally:
        for name, function in saved.items():
            setattr(os, name, function)
