"""Reading JSON and JSON-lines files that may be damaged, and numbers in their objects."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, overload

from inception_jax.workdir import jsonl, reading

Record = dict[str, Any]


def read_object(path: Path, notes: list[str]) -> Record:
    """The object in a JSON file; empty, with a note, if the file is missing or not an object."""
    try:
        return reading.json_file(path, dict)
    except FileNotFoundError:
        notes.append(f"{path.name} is missing")
    except ValueError as error:
        notes.append(f"{path.name} is damaged ({error}) and was skipped")
    return {}


def read_lines(path: Path, notes: list[str], fields: jsonl.Fields) -> list[Record]:
    """The objects of a JSON-lines file that have all `fields`, in file order."""
    with jsonl.opened(path) as file:
        return [record for _, record in good_lines(file, path.name, notes, fields)]


def good_lines(
    file: BinaryIO, name: str, notes: list[str], fields: jsonl.Fields
) -> Iterator[tuple[int, Record]]:
    """Yield the position and the object of each line of a file that has all `fields`.

    Other lines, such as one cut off by a kill, are skipped with one note for the file.
    """
    damaged, first = 0, []
    for line in jsonl.lines(file, fields):
        if line.value is not None:
            yield line.start, line.value
        else:
            damaged += 1
            first += [str(line.number)] if damaged <= 5 else []
    if damaged:
        where = ", ".join(first) + (", …" if damaged > 5 else "")
        plural = "lines were" if damaged > 1 else "line was"
        notes.append(f"{name}: {damaged:,} damaged {plural} skipped (line {where})")


class Lines(Sequence[Record]):
    """Lines of an open file by their positions in it; each is read when it is looked at."""

    def __init__(self, file: BinaryIO, starts: Sequence[int]):
        self._file, self._starts = file, starts

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return jsonl.line_at(self._file, self._starts[index])


def number(record: Record, key: str) -> float | None:
    """The number under `key`, NaN and infinities included; None if it is not a number."""
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value


def finite(record: Record, key: str) -> float | None:
    """The finite number under `key`, or None."""
    value = number(record, key)
    return value if value is not None and math.isfinite(value) else None


def whole(record: Record, key: str) -> int | None:
    """The finite number under `key` rounded to an integer, or None."""
    value = finite(record, key)
    return None if value is None else round(value)
