"""Read and write classes.json: the names of a network's outputs, in order."""

import json
from collections.abc import Sequence
from pathlib import Path

from inception_jax.errors import ConfigError
from inception_jax.workdir import atomic, reading

FILE = "classes.json"


def write(workdir: Path, names: Sequence[str]) -> None:
    """Write the names."""
    atomic.write_text(workdir / FILE, json.dumps(list(names)))


def read(workdir: Path, outputs: int | None = None) -> list[str]:
    """Read the names; none if the run has no file. Other `outputs` become `class N`.

    Raises:
        ConfigError: the file is damaged.
    """
    path, names = workdir / FILE, []
    try:
        names = reading.json_file(path, list)
        if not all(isinstance(name, str) for name in names):
            raise ValueError("expected text")
    except FileNotFoundError:
        pass
    except ValueError as e:
        raise ConfigError(
            f"{path} is damaged ({e}), expected an array of class names; put a copy of it there, "
            f"or remove it to number the classes"
        ) from e
    extra = range(len(names), outputs or 0)
    return [*names, *(f"class {i}" for i in extra)]
