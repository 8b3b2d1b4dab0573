"""Files with one JSON object per line: the only reader and writer of them."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from inception_jax.workdir import atomic


def parse(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield the number, from 1, and the object of each line that is not blank.

    The object is None where the line is none: a kill or a full disk has cut it, or a bit flipped.
    A file that does not exist has no lines.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    for number, text in enumerate(data.split(b"\n"), 1):
        if text.strip():
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):  # cut inside the object, or inside a character
                value = None
            yield number, value if isinstance(value, dict) else None


def read(path: Path) -> list[dict[str, Any]]:
    """Read the objects of a file; none if it does not exist. Damaged lines are left out."""
    return [value for _, value in parse(path) if value is not None]


def append(path: Path, line: Mapping[str, Any], sync: bool = False) -> None:
    """Append a line, below one that a kill has cut; with `sync` it survives a power cut."""
    with atomic.naming(path), path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")
        file.write(json.dumps(line).encode() + b"\n")
        if sync:
            file.flush()
            os.fsync(file.fileno())


def last(path: Path) -> dict[str, Any] | None:
    """Read the last whole line that has a numeric `time` and `step`; None if there is none."""
    for line in reversed(read(path)[-2:]):
        with suppress(ValueError, KeyError, TypeError):
            return {**line, "time": float(line["time"]), "step": int(line["step"])}
    return None


def drop_after(path: Path, step: int) -> None:
    """Rewrite a file without damaged lines and lines of later steps; a resumed run repeats them."""
    if path.exists():
        lines = [line for line in read(path) if line["step"] <= step]
        atomic.write_text(path, "".join(json.dumps(line) + "\n" for line in lines))
