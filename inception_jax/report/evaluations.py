"""Evaluations: the contents of eval/<split>.json and eval/<split>.npz."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from inception_jax.report import images, records

MAX_MISTAKES = 48
BIN_KEYS = ("lo", "hi", "count", "confidence", "accuracy")


@dataclass(frozen=True)
class Mistake:
    """A misclassified image, and the probability of the predicted class."""

    uri: str
    truth: int
    prediction: int
    probability: float
    name: str


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of a split; a part that the files do not contain is empty."""

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
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            notes.append(f"eval/{path.name} was skipped: {type(error).__name__}: {error}")
    return evaluations


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
    """int64 [n, 3] rows (truth, prediction, count > 0), from the dense or the sparse format."""
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
    # A class without images has no accuracy.
    given = [r for r in summary.get("per_class") or () if r["count"]]
    rows = [(int(r["class"]), int(r["count"]), float(r["top1"])) for r in given]
    for row in rows:
        if min(row) < 0 or not row[2] <= 1:
            raise ValueError(f"expected class, images and a top-1 within [0, 1], found {row}")
    return tuple(rows)


def _bins(summary: records.Record) -> tuple[records.Record, ...]:
    """The bins of the reliability diagram that contain images and have no missing number."""
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
    """Add thumbnails and filters; without them if the npz is missing or damaged."""
    if not path.is_file():
        return evaluation
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return replace(evaluation, mistakes=_mistakes(arrays), filters=_filters(arrays))
    except Exception as error:  # errors of zip, zlib, the OS and NumPy
        notes.append(f"eval/{path.name} was skipped: {type(error).__name__}: {error}")
        return evaluation


def _mistakes(arrays: Mapping[str, np.ndarray]) -> tuple[Mistake, ...]:
    if "mistake_images" not in arrays:
        return ()
    pictures = arrays["mistake_images"]
    labels, predictions = arrays["mistake_labels"], arrays["mistake_predictions"]
    probabilities = np.nan_to_num(arrays["mistake_probabilities"].astype(np.float64))
    names = arrays["mistake_ids"] if "mistake_ids" in arrays else np.arange(len(labels))
    order = np.argsort(-probabilities, kind="stable")[:MAX_MISTAKES].tolist()
    return tuple(
        Mistake(
            images.thumbnail(pictures[i]),
            int(labels[i]),
            int(predictions[i]),
            float(probabilities[i]),
            str(names[i]),
        )
        for i in order
    )


def _filters(arrays: Mapping[str, np.ndarray]) -> images.EmbeddedImage | None:
    """The filters of the first layer; None if that is not a convolution (an empty array)."""
    if "filters" not in arrays or not arrays["filters"].size:
        return None
    return images.filters(arrays["filters"])
