"""Read and write classes.json: the names of a network's outputs, in order."""

import json
from collections.abc import Sequence
from pathlib import Path

from inception_jax.workdir import atomic

FILE = "classes.json"


def write(workdir: Path, names: Sequence[str]) -> None:
    """Write the names."""
    atomic.write_text(workdir / FILE, json.dumps(list(names)))


def read(workdir: Path, outputs: int | None = None) -> list[str]:
    """Read the names; none if the run has no file. Other `outputs` become `class N`."""
    path = workdir / FILE
    names = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    extra = range(len(names), outputs or 0)
    return [*names, *(f"class {i}" for i in extra)]
