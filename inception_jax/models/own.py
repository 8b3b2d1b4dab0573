"""A network of the user's own file, `model.name=path/to/net.py:MyNet`: found, executed, checked."""

import functools
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

from inception_jax.config.user_code import user_code
from inception_jax.errors import did_you_mean
from inception_jax.models.network import Network
from inception_jax.runtime import user_paths

MARK = ".py:"  # between the file and the class


def is_own(name: str) -> bool:
    """Whether `name` is `FILE.py:CLASS`, and not one of the package's networks."""
    return MARK in name


def family(name: str) -> type[Network]:
    """The class of `FILE.py:CLASS`; a relative file is sought in the working directory.

    Its `NAME` is set to `name`, so that messages and results say where the network is from.

    Raises:
        ValueError: there is no such file or class, or the class is no network.
        ConfigError: the file's code raises.
    """
    file, _, kind = name.rpartition(":")
    path = user_paths.expanded(file).absolute()
    if not path.is_file():
        raise ValueError(
            f"model {name!r}: expected a file at {path}; a relative path is of the directory in "
            f"which the command runs"
        )
    scope = vars(_module(path))
    own = {k: v for k, v in scope.items() if _is_network(v) and v.__module__ == scope["__name__"]}
    found = scope.get(kind)
    if not _is_network(found):
        hint = did_you_mean(kind, tuple(own))
        raise ValueError(
            f"model {name!r}: expected a subclass of inception_jax.models.Network, the file has "
            f"{', '.join(own) or 'none'}{hint}"
        )
    for attribute in ("DIALECTS", "PAPER"):
        if not hasattr(found, attribute):
            raise ValueError(f"model {name!r}: {kind} has no {attribute}, see models/network.py")
    found.NAME = name
    return found


def _is_network(value: object) -> TypeGuard[type[Network]]:
    return inspect.isclass(value) and issubclass(value, Network)


@functools.cache
def _module(path: Path) -> ModuleType:
    """The executed file; its imports find the modules beside it, as those of a script do."""
    name = f"{__package__}.own_files.{path.stem}_{len(sys.modules)}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # it ends in .py
    module = importlib.util.module_from_spec(spec)
    before = set(sys.modules)
    sys.modules[name] = module  # dataclasses look for their module there
    sys.path.insert(0, str(path.parent))
    try:
        with user_code(lambda e: f"{path}: {type(e).__name__}: {e}"):
            spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
        # Another file's neighbours may have the same names.
        for other in set(sys.modules) - before:
            if Path(getattr(sys.modules[other], "__file__", None) or "/").parent == path.parent:
                del sys.modules[other]
    return module
