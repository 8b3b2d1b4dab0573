"""Labels of image files from a table: CSV with any usual delimiter, or Parquet.

    path,label,split,weight
    a/1.jpg,dog,train,1
    a/2.jpg,cat,test,0.5

`path` is relative to data.dir, or without one to the table's folder. `split` and `weight` may be
left out: then all rows are of data.train_split, and count alike. Cells are stripped of spaces.
"""

import csv
import functools
import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from inception_jax.data.sources.left_out import first_few
from inception_jax.errors import ConfigError, shown
from inception_jax.runtime import user_paths

PATH, SPLIT, WEIGHT = "path", "split", "weight"  # columns
DELIMITERS = ",;\t|"


class LabelTable(NamedTuple):
    """The cells of a table by column, and where each row is.

    Attributes:
        name: the flag that names the file, for messages.
        columns: stripped text of each row, by column.
        lines: number of each row's line in the file, of Parquet of the row; from 1.
        unit: `line` or `row`.
    """

    name: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    unit: str

    def error(self, row: int, column: str, message: str) -> ConfigError:
        """An error in a cell: `message` continues its place."""
        return ConfigError(
            f"{self.name}, {self.unit} {self.lines[row]}, column {column!r}: {message}"
        )

    def text(self, column: str) -> Sequence[str]:
        """The cells of a column, none of them empty.

        Raises:
            ConfigError: there is no such column, or a cell is empty.
        """
        cells = self.cells(column)
        for row, cell in enumerate(cells):
            if not cell:
                raise self.error(row, column, "expected a text, found an empty cell")
        return cells

    def cells(self, column: str) -> Sequence[str]:
        """The cells of a column, which may be empty; raises ConfigError if there is none."""
        if column not in self.columns:
            raise ConfigError(
                f"{self.name}: expected a column {column!r}, found {first_few(list(self.columns))}"
            )
        return self.columns[column]

    def number(self, row: int, column: str, least: float = -math.inf) -> float:
        """The number in a cell.

        Raises:
            ConfigError: it is none, not finite, or below `least`.
        """
        cell = self.columns[column][row]
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= least):
            at_least = "" if least == -math.inf else f" of at least {least:g}"
            raise self.error(row, column, f"expected a number{at_least}, found {shown(cell)!r}")
        return value

    def splits(self, train_split: str) -> Sequence[str]:
        """The split of each row."""
        return self.text(SPLIT) if SPLIT in self.columns else [train_split] * len(self.lines)


def read(file: str) -> LabelTable:
    """The table in a file, kept while the file does not change.

    Raises:
        ConfigError: it cannot be read, or it names a path twice.
    """
    path = user_paths.expanded(file)
    try:
        stat = path.stat()
        return _read(path, f"--config.data.labels={file}", stat.st_mtime_ns, stat.st_size)
    except OSError as e:
        raise ConfigError(
            f"--config.data.labels={file}: expected a CSV or Parquet file: {e.strerror}"
        ) from e


@functools.lru_cache(maxsize=2)
def _read(path: Path, name: str, changed: int, size: int) -> LabelTable:
    """`changed` and `size` are those of the file, so that another version is read again."""
    del changed, size
    table = _parquet(path, name) if path.suffix.lower() in (".parquet", ".pq") else _csv(path, name)
    if not table.lines:
        raise ConfigError(f"{name}: expected a row for each image, found none below the header")
    first: dict[str, int] = {}
    for row, cell in enumerate(table.text(PATH)):
        key = os.path.normpath(cell)
        if (other := first.setdefault(key, row)) != row:
            where = f"{table.unit} {table.lines[other]}"
            raise table.error(
                row, PATH, f"expected each path once, {shown(cell)} is in {where} too"
            )
    return table


def _csv(path: Path, name: str) -> LabelTable:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as e:
        raise ConfigError(f"{name}: expected text in UTF-8, found byte {e.start} to be none") from e
    header = text.partition("\n")[0]
    named = [d for d in DELIMITERS if PATH in _cells(next(csv.reader([header], delimiter=d), []))]
    if not named:
        raise ConfigError(
            f"{name}, line 1: expected a header with the column {PATH!r} and others, separated by "
            f"commas, semicolons, tabs or bars, found {shown(header.strip()[:80])!r}"
        )
    best = max(named, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=best, skipinitialspace=True)
    names = _cells(next(reader))
    if twice := {n for n in names if names.count(n) > 1}:
        raise ConfigError(f"{name}, line 1: expected each column once, found {min(twice)!r} twice")
    rows, lines = [], []
    try:
        for cells in reader:
            if not cells:
                continue
            lines.append(reader.line_num)
            if len(cells) != len(names):
                raise ConfigError(
                    f"{name}, line {reader.line_num}: expected {len(names)} cells, "
                    f"{', '.join(names)}, found {len(cells)}; quote a cell that has the delimiter"
                )
            rows.append(_cells(cells))
    except csv.Error as e:
        raise ConfigError(f"{name}, line {reader.line_num}: {e}") from e
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return LabelTable(name, dict(zip(names, columns, strict=True)), lines, "line")


def _cells(cells: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _parquet(path: Path, name: str) -> LabelTable:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as e:
        raise ConfigError(
            f"{name}: a Parquet file needs pyarrow: pip install pyarrow, or write a CSV file"
        ) from e
    try:
        table = parquet.read_table(path)
    except pa.ArrowInvalid as e:
        raise ConfigError(f"{name}: expected a Parquet file: {str(e).splitlines()[0]}") from e
    columns = {key: _cells(_texts(table[key].to_pylist())) for key in table.column_names}
    return LabelTable(name, columns, range(1, table.num_rows + 1), "row")


def _texts(values: Sequence[object]) -> list[str]:
    """Cells as a CSV file would have them: a missing one is empty, a list is joined by bars."""
    return [
        "" if v is None else "|".join(map(str, v)) if isinstance(v, list) else str(v)
        for v in values
    ]
