"""Evaluations: what eval/<split>.json and eval/<split>.npz know about one split."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inception_jax.report import images, records

MAX_MISTAKES = 48
BIN_KEYS = ("lo", "hi", "count", "confidence", "accuracy")


@dataclass(frozen=True)
class Mistake:
    """An image the network got wrong, and how sure it was."""

    uri: str
    truth: int
    prediction: int
    probability: float
    name: str


@dataclass(frozen=True)
class Evaluation:
    """One split, evaluated once. Every field but `split` may be missing from older files."""

    split: str
    summary: records.Record
    classes: tuple[str, ...] = ()
    per_class: tuple[tuple[int, int, float], ...] = ()  # class, images, top-1
    confusion: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    calibration: tuple[records.Record, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    filters: images.EmbeddedImage | None = None

    @property
    def step(self) -> int:
        """The step that was evaluated; -1 when the file does not say."""
        step = records.whole(self.summary, "step")
        return -1 if step is None else step


def read_all(folder: Path, notes: list[str]) -> dict[str, Evaluation]:
    """The evaluations in eval/ by file name, without those that cannot be read."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        summary = records.read_object(path, notes)
        if not summary:
            continue
        try:
            found[path.stem] = _read(path, summary, notes)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            notes.append(f"eval/{path.name} was left out: {type(error).__name__}: {error}")
    return found


def _read(path: Path, summary: records.Record, notes: list[str]) -> Evaluation:
    triples = _confusion(summary)
    rows = _per_class(summary)
    highest = max([*triples[:, :2].ravel().tolist(), *(c for c, _, _ in rows)], default=-1)
    names = [str(c) for c in summary.get("classes") or ()]
    names += [f"class {i}" for i in range(len(names), highest + 1)]
    evaluation = Evaluation(
        split=str(summary.get("split") or path.stem),
        summary=summary,
        classes=tuple(names),
        per_class=rows or _accuracy(triples),
        confusion=triples,
        calibration=_bins(summary),
    )
    if unreadable := len(summary.get("unreadable") or ()):
        notes.append(f"images of {evaluation.split} that could not be read: {unreadable:,}")
    return _with_arrays(evaluation, path.with_suffix(".npz"), notes)


def _confusion(summary: records.Record) -> np.ndarray:
    """Nonzero (truth, prediction, count) rows, from the dense table or the sparse list."""
    if (table := summary.get("confusion")) is not None:
        dense = np.asarray(table, np.int64)
        if dense.ndim != 2:
            raise ValueError(f"expected a confusion matrix, found shape {dense.shape}")
        truth, prediction = np.nonzero(dense)
        return np.stack([truth, prediction, dense[truth, prediction]], axis=1)
    triples = np.asarray(summary.get("confusion_pairs") or [], np.int64).reshape(-1, 3)
    if (triples < 0).any():
        raise ValueError("expected class indices and counts of 0 or more in confusion_pairs")
    return triples[triples[:, 2] > 0]


def _per_class(summary: records.Record) -> tuple[tuple[int, int, float], ...]:
    given = summary.get("per_class") or ()
    # A class without images has no accuracy.
    rows = [(int(r["class"]), int(r["count"]), float(r["top1"])) for r in given if r["count"]]
    for row in rows:
        if min(row) < 0 or not row[2] <= 1:
            raise ValueError(f"expected class, images and a top-1 within [0, 1], found {row}")
    return tuple(rows)


def _bins(summary: records.Record) -> tuple[records.Record, ...]:
    """The bins of the reliability diagram that hold images, with every number known."""
    bins = summary.get("calibration") or ()
    return tuple(
        b for b in bins if b["count"] and all(records.finite(b, k) is not None for k in BIN_KEYS)
    )


def _accuracy(triples: np.ndarray) -> tuple[tuple[int, int, float], ...]:
    rows = []
    for truth in np.unique(triples[:, 0]).tolist():
        of_class = triples[triples[:, 0] == truth]
        total = int(of_class[:, 2].sum())
        right = int(of_class[of_class[:, 1] == truth, 2].sum())
        rows.append((truth, total, right / total))
    return tuple(rows)


def _with_arrays(evaluation: Evaluation, path: Path, notes: list[str]) -> Evaluation:
    """Adds thumbnails and filters; a missing or damaged npz costs only these."""
    if not path.is_file():
        return evaluation
    try:
        with np.load(path, allow_pickle=False) as arrays:
            extra: dict[str, Any] = {
                "mistakes": _mistakes(arrays),
                "filters": _filters(arrays),
            }
    except Exception as error:  # zip, zlib, OS and numpy errors: a picture less, not a page less
        notes.append(f"eval/{path.name} was left out: {type(error).__name__}: {error}")
        return evaluation
    return Evaluation(**{**vars(evaluation), **extra})


def _mistakes(arrays: Any) -> tuple[Mistake, ...]:
    if "mistake_images" not in arrays:
        return ()
    pictures = arrays["mistake_images"]
    labels, predictions = arrays["mistake_labels"], arrays["mistake_predictions"]
    sure = np.nan_to_num(arrays["mistake_probabilities"].astype(np.float64))
    names = arrays["mistake_ids"] if "mistake_ids" in arrays else np.arange(len(labels))
    surest = np.argsort(-sure, kind="stable")[:MAX_MISTAKES].tolist()
    return tuple(
        Mistake(
            images.thumbnail(pictures[i]),
            int(labels[i]),
            int(predictions[i]),
            float(sure[i]),
            str(names[i]),
        )
        for i in surest
    )


def _filters(arrays: Any) -> images.EmbeddedImage | None:
    """None for a network whose first layer is no convolution: its kernel was written empty."""
    return (
        images.filters(arrays["filters"])
        if "filters" in arrays and arrays["filters"].size
        else None
    )
