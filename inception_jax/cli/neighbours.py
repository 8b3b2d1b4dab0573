"""The modules beside a config page, which its imports find as those of a script do."""

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

OURS = __name__.partition(".")[0]


class _NeighbourFinder:
    """Finds modules in one folder, but none by the name of one of Python's or of this package.

    A folder without `__init__.py` is found only if `last`: it may be data of the name of a package.
    """

    def __init__(self, folder: Path, found: set[str], last: bool):
        self._folder, self._found, self._last = str(folder), found, last

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's description; None, so that the next finder is asked, if it is not here."""
        if path is not None or name in sys.stdlib_module_names or name == OURS:
            return None
        spec = PathFinder.find_spec(name, [self._folder])
        if spec is None or (spec.loader is None and not self._last):
            return None
        self._found.add(name)
        return spec


# Folder of pages -> the files that they have imported from it.
_imported: dict[Path, set[Path]] = {}


@contextlib.contextmanager
def of(page: Path) -> Iterator[None]:
    """Let imports in the body find the page's neighbours; they leave neither .pyc nor modules.

    So that another page's neighbours may have the same names.
    """
    found: set[str] = set()
    folder, kept = page.absolute().parent, sys.dont_write_bytecode
    first, last = (_NeighbourFinder(folder, found, last) for last in (False, True))
    sys.meta_path.insert(0, first)
    sys.meta_path.append(last)
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = kept
        sys.meta_path.remove(first)
        sys.meta_path.remove(last)
        files = _imported.setdefault(folder, set())
        for name in [m for m in sys.modules if m.partition(".")[0] in found]:
            if file := getattr(sys.modules.pop(name), "__file__", None):
                files.add(Path(file))


def files(page: Path) -> dict[str, bytes]:
    """The page's file and those that it has imported from its folder, by name; the page first."""
    folder = page.absolute().parent
    paths = [folder / page.name, *sorted(_imported.get(folder, ()))]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def calling(function: Callable[..., Any], page: Path) -> Callable[..., Any]:
    """The function of a page, which finds the page's neighbours when it is called."""

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        with of(page):
            result = function(*args)
            return list(result) if inspect.isgenerator(result) else result

    return call
