"""Files with one JSON object per line: the only reader and writer of them."""

import io
import itertools
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from inception_jax.workdir import atomic, reading

# What a reader may rely on: the keys of a line, int, float (finite, or an int) or str.
Fields = Mapping[str, type]
METRICS: Fields = {"step": int, "epoch": float, "time": float, "split": str}  # metrics.jsonl
ROLLBACK: Fields = {"step": int, "to": int, "shift": int, "factor": float}  # rollbacks.jsonl
EVENT: Fields = {"event": str, "time": float}  # attempts.jsonl
RETRY: Fields = {**EVENT, "job": str, "code": int, "step": int}  # there, of `launch retry`
SUBMISSION: Fields = {"engine": str, "job": str}  # jobs.jsonl
TAIL = 2**20  # bytes at the end of a file, among which its last line is


class Line(NamedTuple):
    """A line that is not blank: its number, from 1, its first byte in the file, and its object.

    The object is None where the line is damaged: a kill or a full disk has cut it, a bit flipped,
    or it lacks a field that the reader asked for.
    """

    number: int
    start: int
    value: dict[str, Any] | None


def opened(path: Path) -> BinaryIO:
    """Open a file for `lines`; one that does not exist, or is no file, has no lines."""
    return path.open("rb") if path.is_file() else io.BytesIO()


def lines(file: BinaryIO, fields: Fields | None = None) -> Iterator[Line]:
    """Yield the lines of an open file one by one, from its beginning."""
    start = 0
    for number, text in enumerate(file, 1):
        if not text.isspace():
            yield Line(number, start, _object(text, fields or {}))
        start += len(text)


def line_at(file: BinaryIO, start: int) -> dict[str, Any]:
    """Read the object of a line again that `lines` has found; empty if the file has changed."""
    file.seek(start)
    return _object(file.readline(), {}) or {}


def _object(text: bytes, fields: Fields) -> dict[str, Any] | None:
    try:
        value = reading.decoded(text)
    except ValueError:  # cut inside the object, or inside a character
        return None
    return value if isinstance(value, dict) and has(value, fields) else None


def has(value: dict[str, Any], fields: Fields) -> bool:
    """Whether an object has the fields, each of its type."""
    for key, kind in fields.items():
        found = value.get(key)
        if kind is float:
            if type(found) is not int and not (type(found) is float and math.isfinite(found)):
                return False
        elif type(found) is not kind:  # True is no int
            return False
    return True


def each(path: Path, fields: Fields | None = None) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file one by one; damaged lines are left out."""
    with opened(path) as file:
        yield from (line.value for line in lines(file, fields) if line.value is not None)


def read(path: Path, fields: Fields | None = None) -> list[dict[str, Any]]:
    """Read the objects of a file; none if it does not exist. Damaged lines are left out."""
    return list(each(path, fields))


def last(path: Path, fields: Fields) -> dict[str, Any] | None:
    """Read the last line that has the fields; None if there is none. Only the end is read."""
    return next(tail(path, fields, 1), None)


def tail(path: Path, fields: Fields, most: int) -> Iterator[dict[str, Any]]:
    """Yield at most `most` lines that have the fields, from the end of the file backwards."""
    with opened(path) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        found = (_object(text, fields) for text in reversed(file.read().split(b"\n")))
        yield from itertools.islice((value for value in found if value is not None), most)


def containing(path: Path, entry: Mapping[str, str], fields: Fields) -> Iterator[dict[str, Any]]:
    """Yield the objects that have one `entry`; other lines of a long file are not parsed."""
    ((key, value),) = entry.items()
    text = json.dumps(entry).encode()[1:-1]
    with opened(path) as file:
        for line in file:
            if text in line and (found := _object(line, fields)) and found.get(key) == value:
                yield found


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


def drop_after(path: Path, step: int) -> None:
    """Rewrite a file of metrics without damaged lines and those of later steps.

    A resumed run repeats them.
    """
    if path.is_file():
        with atomic.replacing(path) as partial, partial.open("w", encoding="utf-8") as file:
            for line in each(path, METRICS):
                if line["step"] <= step:
                    file.write(json.dumps(line) + "\n")
