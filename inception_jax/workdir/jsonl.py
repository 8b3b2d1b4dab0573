"""Files with one JSON object a line: read, appended to, cut."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from inception_jax.workdir import atomic


def read(path: Path) -> list[dict[str, Any]]:
    """The objects of a file, none if it does not exist.

    A line that a kill or a full disk has cut is left out.
    """
    return [line for _, line in numbered(path) if line is not None]


def numbered(path: Path) -> Iterator[tuple[int, Any]]:
    """(line number, value) of each line that is not blank; None for a damaged line."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    for number, text in enumerate(data.split(b"\n"), start=1):
        if not text.strip():
            continue
        try:
            yield number, json.loads(text)
        except (ValueError, RecursionError):  # cut inside the object, or inside a character
            yield number, None


def append(path: Path, line: Mapping[str, Any], sync: bool = False) -> None:
    """Adds a line; with `sync` it survives a power cut when this returns."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        if sync:
            file.flush()
            os.fsync(file.fileno())


def last(path: Path) -> dict[str, Any] | None:
    """The last whole line of a file of metrics, with its time and step at least; or None."""
    for line in reversed(read(path)[-2:]):
        with suppress(ValueError, KeyError, TypeError):
            return {**line, "time": float(line["time"]), "step": int(line["step"])}
    return None


def drop_after(path: Path, step: int) -> None:
    """Drops the lines whose `step` is later, and a line cut by a kill; the file is replaced whole.

    A resumed run writes those steps again, with the same values.
    """
    if path.exists():
        kept = [line for line in read(path) if line["step"] <= step]
        atomic.write_text(path, "".join(json.dumps(line) + "\n" for line in kept))
