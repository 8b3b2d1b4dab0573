"""Image files whose labels are in a table."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from inception_jax.config import sections
from inception_jax.data.images.picture import Stored
from inception_jax.data.sources import file_kind, labels_file
from inception_jax.data.sources.labels_file import LabelTable
from inception_jax.data.sources.left_out import first_few
from inception_jax.data.sources.listing import THREADS
from inception_jax.errors import ConfigError, shown
from inception_jax.runtime import user_paths

BAR = "|"  # separates the labels of an image


class Labelled:
    """One split of the table `data.labels`.

    The classes are the sorted labels of `data.train_split`, so that every split numbers them alike;
    with `data.task=embedding` of the split itself, whose classes training need not have. With
    `data.task=multilabel` a cell has any number of them, separated by bars (`dog|grass`), or each
    is a column of 0 and 1; with `regression` each column has values.

    Attributes:
        labels: int32 [n], the class of each image; None if there are targets.
        targets: float64 [n, t], 0 and 1 for each class or values; None if there are classes.
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
        self._kind = file_kind.of(data)
        self._check_files(table, rows)
        known = split if data.task == "embedding" else data.train_split
        trained = _rows(table, known, data.train_split)
        self.labels: np.ndarray | None = None
        self.targets: np.ndarray | None = None
        names = [*data.label_columns]
        if data.task == "regression":
            self.classes = tuple(names)
            self.targets = _values(table, self.classes, rows)
        elif data.task == "multilabel" and len(names) > 1:
            self.classes = tuple(names)
            self.targets = _flags(table, self.classes, rows)
        elif data.task == "multilabel":
            self.classes, self.targets = _several(table, names[0], rows, trained)
        else:
            self.classes, self.labels = _classes(table, names[0], rows, trained)
        self.weights = _weights(table, rows)

    def __len__(self) -> int:
        return len(self._paths)

    def label(self, index: int) -> Any:
        """Position of the label among the sorted ones; or the targets [t]."""
        labels = self.labels if self.targets is None else self.targets
        assert labels is not None
        return labels[index]

    def stored(self, index: int) -> Stored:
        """The file's bytes, or its pixels unless they are RGB; raises BadImageError."""
        return self._kind.read(self._path(index))

    def name(self, index: int) -> str:
        """The path as the table has it."""
        return os.fsdecode(self._paths[index])

    def stamp(self, index: int) -> str:
        """The sizes and the modification times of the image's files; empty where one is missing."""
        return self._kind.stamp(self._path(index))

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
            raise table.error(row, column, _unknown(cells[row], classes))
    return classes, np.array([numbers[cells[row]] for row in rows], np.int32)


def _several(
    table: LabelTable, column: str, rows: Sequence[int], trained: Sequence[int]
) -> tuple[tuple[str, ...], np.ndarray]:
    """The sorted labels of the training rows, and which of them each row has."""
    cells = [[x.strip() for x in cell.split(BAR) if x.strip()] for cell in table.cells(column)]
    classes = tuple(sorted({name for row in trained for name in cells[row]}))
    if not classes:
        raise ConfigError(f"{table.name}, column {column!r}: expected labels, all cells are empty")
    numbers = {name: i for i, name in enumerate(classes)}
    targets = np.zeros((len(rows), len(classes)))
    for i, row in enumerate(rows):
        for name in cells[row]:
            if name not in numbers:
                raise table.error(row, column, _unknown(name, classes))
            targets[i, numbers[name]] = 1
    return classes, targets


def _flags(table: LabelTable, columns: Sequence[str], rows: Sequence[int]) -> np.ndarray:
    targets = _values(table, columns, rows)
    wrong = np.argwhere((targets != 0) & (targets != 1))
    if len(wrong):
        i, j = (int(k) for k in wrong[0])
        message = f"expected 0 or 1, found {targets[i, j]:g}"
        raise table.error(rows[i], str(columns[j]), message)
    return targets


def _values(table: LabelTable, columns: Sequence[str], rows: Sequence[int]) -> np.ndarray:
    for column in columns:
        table.cells(column)
    return np.array([[table.number(row, column) for column in columns] for row in rows])


def _unknown(name: str, classes: Sequence[str]) -> str:
    return (
        f"expected a label of the training split, found {shown(name)!r}; the training split has "
        f"{first_few(classes)}"
    )


def _weights(table: LabelTable, rows: Sequence[int]) -> np.ndarray | None:
    if labels_file.WEIGHT not in table.columns:
        return None
    return np.array([table.number(row, labels_file.WEIGHT, least=0) for row in rows])
