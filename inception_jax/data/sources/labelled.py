"""Image files whose labels are in a table."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from inception_jax.config import sections
from inception_jax.data.sources import labels_file
from inception_jax.data.sources.file_bytes import contents
from inception_jax.data.sources.labels_file import LabelTable
from inception_jax.data.sources.left_out import first_few
from inception_jax.data.sources.listing import THREADS
from inception_jax.errors import ConfigError, shown
from inception_jax.runtime import user_paths


class Labelled:
    """One split of the table `data.labels`.

    The classes are the sorted labels of `data.train_split`, so that every split numbers them alike.

    Attributes:
        labels: int32 [n], the class of each image.
        weights: float64 [n], of the column `weight`; None without one.

    Raises:
        ConfigError: names the line and the column; see `labels_file`.
    """

    def __init__(self, data: sections.Data, split: str):
        table = labels_file.read(data.labels)
        rows = _rows(table, split, data.train_split)
        base = data.dir or os.path.dirname(user_paths.expanded(data.labels))
        self._base, self._split = os.fsencode(user_paths.expanded(base)), split
        self._paths = [os.fsencode(table.columns[labels_file.PATH][i]) for i in rows]
        self._check_files(table, rows)
        trained = _rows(table, data.train_split, data.train_split)
        self.classes, self.labels = _classes(table, data.label_columns[0], rows, trained)
        self.weights = _weights(table, rows)

    def __len__(self) -> int:
        return len(self._paths)

    def label(self, index: int) -> int:
        """Position of the label among the sorted ones."""
        return int(self.labels[index])

    def stored(self, index: int) -> bytes:
        """The file's bytes; raises BadImageError."""
        return contents(self._path(index))

    def name(self, index: int) -> str:
        """The path as the table has it."""
        return os.fsdecode(self._paths[index])

    def _path(self, index: int) -> bytes:
        return os.path.join(self._base, self._paths[index])

    def _check_files(self, table: LabelTable, rows: Sequence[int]) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            found = pool.map(os.path.isfile, map(self._path, range(len(rows))), chunksize=256)
            for index, is_file in enumerate(found):
                if not is_file:
                    path = shown(os.fsdecode(self._path(index)))
                    message = f"expected an image file, found none at {path}"
                    raise table.error(rows[index], labels_file.PATH, message)


def splits(data: sections.Data) -> list[str]:
    """The splits that the table names, in its order."""
    return list(dict.fromkeys(labels_file.read(data.labels).splits(data.train_split)))


def _rows(table: LabelTable, split: str, train_split: str) -> list[int]:
    """The rows of a split."""
    of = table.splits(train_split)
    if rows := [row for row, name in enumerate(of) if name == split]:
        return rows
    found = first_few(list(dict.fromkeys(of)))
    why = "" if labels_file.SPLIT in table.columns else " (it has no column 'split')"
    raise ConfigError(f"{table.name}: expected rows of the split {split!r}, found {found}{why}")


def _classes(
    table: LabelTable, column: str, rows: Sequence[int], trained: Sequence[int]
) -> tuple[tuple[str, ...], np.ndarray]:
    """The sorted labels of the training rows, and the number of each row's among them."""
    cells = table.text(column)
    classes = tuple(sorted({cells[row] for row in trained}))
    numbers = {name: i for i, name in enumerate(classes)}
    for row in rows:
        if cells[row] not in numbers:
            message = (
                f"expected a label of the training split, found {shown(cells[row])!r}; the "
                f"training split has {first_few(classes)}"
            )
            raise table.error(row, column, message)
    return classes, np.array([numbers[cells[row]] for row in rows], np.int32)


def _weights(table: LabelTable, rows: Sequence[int]) -> np.ndarray | None:
    if labels_file.WEIGHT not in table.columns:
        return None
    return np.array([table.number(row, labels_file.WEIGHT, least=0) for row in rows])
