"""Reading JSON and JSON-lines files that may be damaged, and numbers in their objects."""

import json
import math
from pathlib import Path
from typing import Any

from inception_jax.workdir import jsonl

Record = dict[str, Any]


def read_object(path: Path, notes: list[str]) -> Record:
    """The object in a JSON file; empty, with a note, if the file is missing or not an object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        notes.append(f"{path.name} is missing")
        return {}
    except (ValueError, RecursionError) as error:
        notes.append(f"{path.name} is not JSON ({error}) and was skipped")
        return {}
    if not isinstance(value, dict):
        notes.append(f"{path.name} is a {type(value).__name__}, not an object, and was skipped")
        return {}
    return value


def read_lines(path: Path, notes: list[str], *, require: tuple[str, ...]) -> list[Record]:
    """The objects of a JSON-lines file that have all keys of `require`, in file order.

    Other lines, such as one cut off by a kill, are skipped with one note for the file.
    """
    records, damaged = [], []
    for number, value in jsonl.parse(path):
        if value is not None and all(key in value for key in require):
            records.append(value)
        else:
            damaged.append(number)
    if damaged:
        where = ", ".join(map(str, damaged[:5])) + (", …" if len(damaged) > 5 else "")
        plural = "lines were" if len(damaged) > 1 else "line was"
        notes.append(f"{path.name}: {len(damaged)} damaged {plural} skipped (line {where})")
    return records


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
