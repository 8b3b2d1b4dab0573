"""Evaluations: the contents of eval/<split>.json and eval/<split>.npz."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inception_jax.report import images, records

BIN_KEYS = ("lo", "hi", "count", "confidence", "accuracy")


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of a split.

    Attributes:
        confusion: int64 [n, 3] rows (truth, prediction, count > 0).
        calibration: the bins of the reliability diagram; empty and non-finite ones are left out.
        table: title, columns, names and rows of metrics by output, where the task has them.
        mistakes: uri, truth, prediction, probability and name, the most confident first.
    """

    split: str
    summary: records.Record
    classes: tuple[str, ...]
    per_class: tuple[tuple[int, int, float], ...]  # class, images, top-1
    confusion: np.ndarray
    calibration: tuple[records.Record, ...]
    mistakes: tuple[dict[str, Any], ...] = ()
    filters: images.EmbeddedImage | None = None
    table: dict[str, Any] | None = None  # of a task with metrics by output
    scatter: tuple[dict[str, Any], ...] = ()  # of a regression: name and points of each target

    @property
    def step(self) -> int:
        """The step that was evaluated; -1 if unknown."""
        step = records.whole(self.summary, "step")
        return -1 if step is None else step


def read_all(folder: Path, notes: list[str]) -> dict[str, Evaluation]:
    """Read the evaluations in eval/, by file name; unreadable files are skipped with a note."""
    evaluations = {}
    for path in sorted(folder.glob("*.json")):
        summary = records.read_object(path, notes)
        if not summary:
            continue
        try:
            evaluations[path.stem] = _read(path, summary, notes)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
            notes.append(f"eval/{path.name} was skipped: {type(error).__name__}: {error}")
    return evaluations


def _read(path: Path, summary: records.Record, notes: list[str]) -> Evaluation:
    table = np.asarray(summary.get("confusion") or np.zeros((0, 0)), np.int64)
    truth, prediction = np.nonzero(table)
    names = [str(c) for c in summary.get("classes") or ()]
    names += [f"class {i}" for i in range(len(names), max(table.shape))]
    bins = summary.get("calibration") or ()
    evaluation = Evaluation(
        split=str(summary.get("split") or path.stem),
        summary=summary,
        classes=tuple(names),
        per_class=_per_class(summary),
        table=_table(summary),
        scatter=tuple(_scatter(row) for row in summary.get("scatter") or ()),
        confusion=np.stack([truth, prediction, table[truth, prediction]], axis=1),
        calibration=tuple(
            b for b in bins if all(records.finite(b, k) is not None for k in BIN_KEYS)
        ),
    )
    if unreadable := len(summary.get("unreadable") or ()):
        notes.append(f"images of {evaluation.split} that could not be read: {unreadable:,}")
    return _with_arrays(evaluation, path.with_suffix(".npz"), notes)


def _per_class(summary: records.Record) -> tuple[tuple[int, int, float], ...]:
    # A class without images has no accuracy.
    given = [r for r in summary.get("per_class") or () if r["count"]]
    rows = [(int(r["class"]), int(r["count"]), float(r["top1"])) for r in given]
    for row in rows:
        if min(row) < 0 or not row[2] <= 1:
            raise ValueError(f"expected class, images and a top-1 within [0, 1], found {row}")
    return tuple(rows)


def _table(summary: records.Record) -> dict[str, Any] | None:
    """The metrics by output, in JSON's types; None without any."""
    if not (table := summary.get("table")):
        return None
    columns, names = ([str(x) for x in table[key]] for key in ("columns", "names"))
    rows = [[None if v is None else float(v) for v in row] for row in table["rows"]]
    if len(rows) != len(names) or any(len(row) != len(columns) for row in rows):
        raise ValueError("expected a row for each name, with a number for each column")
    return {"title": str(table["title"]), "columns": columns, "names": names, "rows": rows}


def _scatter(row: records.Record) -> dict[str, Any]:
    points = np.asarray(row["points"], np.float64).reshape(-1, 2)
    return {"name": str(row["name"]), "points": points[np.isfinite(points).all(axis=1)].tolist()}


def _with_arrays(evaluation: Evaluation, path: Path, notes: list[str]) -> Evaluation:
    """Add thumbnails and filters; without them if the npz is missing or damaged."""
    if not path.is_file():
        return evaluation
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return replace(evaluation, mistakes=_mistakes(arrays), filters=_filters(arrays))
    except Exception as error:  # errors of zip, zlib, the OS and NumPy
        notes.append(f"eval/{path.name} was skipped: {type(error).__name__}: {error}")
        return evaluation


def _mistakes(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], ...]:
    columns = {
        "uri": [images.thumbnail(image) for image in arrays["mistake_images"]],
        "truth": arrays["mistake_labels"].tolist(),
        "prediction": arrays["mistake_predictions"].tolist(),
        "probability": np.nan_to_num(arrays["mistake_probabilities"]).tolist(),
        "name": arrays["mistake_ids"].tolist(),
    }
    rows = zip(*columns.values(), strict=True)
    return tuple(dict(zip(columns, row, strict=True)) for row in rows)


def _filters(arrays: Mapping[str, np.ndarray]) -> images.EmbeddedImage | None:
    """The filters of the first layer; None if that is not a convolution (an empty array)."""
    return images.filters(arrays["filters"]) if arrays["filters"].size else None
