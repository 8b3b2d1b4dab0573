"""The HTML report of runs: the data that the scripts draw, and the template."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inception_jax.config.tasks import METRICS
from inception_jax.eval import top5
from inception_jax.eval.interval import wilson
from inception_jax.report import configs, curves, html, records
from inception_jax.report.evaluations import BIN_KEYS, Evaluation
from inception_jax.report.runs import Run, setting

# Concatenated: later files use definitions of earlier ones.
SCRIPTS = (
    "dom.js", "save.js", "tables.js", "ticks.js", "chart.js", "panels.js", "curves.js",
    "monitors.js", "confusion.js", "reliability.js", "outputs.js", "evaluation.js", "report.js",
)  # fmt: skip
MAX_CLASSES = 50  # with more classes, the confusion matrix is binned
BINS = 100


def render(runs: Sequence[Run], live: bool = False) -> str:
    """Render the report; a `live` page asks its server for newer data."""
    names = [run.name for run in runs]
    rows = [(run, result) for run in runs for result in run.results]
    rows.sort(key=lambda row: row[1].score, reverse=True)
    metrics = [k for k in METRICS if k != "loss" and any(k in r.metrics for _, r in rows)]
    return html.page(
        html.asset("report.html"),
        [html.asset("report.css")],
        [html.asset(name) for name in (*SCRIPTS, *(["live.js"] if live else []))],
        {"runs": [_run(run) for run in runs]},
        live,
        runs=runs,
        title=names[0] if len(runs) == 1 else f"{len(runs)} runs: {', '.join(names)}",
        rows=rows,
        metrics={key: METRICS[key] for key in metrics or ("top1", "top5")},
        differences=configs.differences([run.config for run in runs]),
    )


def _run(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "curves": [curve_data(run, curve) for curve in run.curves],
        "resumes": [{"step": a.step, "host": a.host} for a in run.attempts[1:]],
        "monitors": run.heat_maps,
        "evaluations": {key: _evaluation(e) for key, e in run.evaluations.items()},
    }


def curve_data(run: Run, curve: curves.Curve) -> dict[str, Any]:
    """A curve in the format of `curves.js`."""
    hours = run.active(curve.columns["time"]) / 3600
    curve = replace(curve, columns=_comparable(curve.split, curve.columns, run))
    return {
        "label": curve.label,
        "split": curve.split,
        "thinned": curve.count if len(hours) < curve.count else 0,
        "columns": curves.columns(curve) | {"hours": hours.round(5).tolist()},
    }


def _comparable(split: str, columns: Mapping[str, np.ndarray], run: Run) -> dict[str, np.ndarray]:
    """The columns, with `nll` the cross-entropy of plain labels in every split that has it.

    An evaluation's loss is that. In training `loss` is the objective: with smoothed or mixed
    labels, auxiliary heads and L2. A column that says nothing else than another is left out.
    """
    new = dict(columns)
    if split != "train":
        if "loss" in new and "r2" not in new:  # a regression's is no cross-entropy
            new["nll"] = new.pop("loss")
    elif "cross_entropy" in new:
        soft = [("loss", "label_smoothing"), ("augment", "mixup"), ("augment", "cutmix")]
        if "nll" not in new and not any(setting(run.config, *key) for key in soft):
            new["nll"] = new["cross_entropy"]  # of an older version
        if "nll" in new and np.allclose(new["nll"], new["cross_entropy"], equal_nan=True):
            del new["cross_entropy"]
    if run.classes and not top5.informative(run.classes):
        new.pop("top5", None)
    return new


def _evaluation(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "split": evaluation.split,
        "step": records.whole(evaluation.summary, "step"),
        "count": records.whole(evaluation.summary, "count"),
        "ece": records.finite(evaluation.summary, "ece"),
        "classes": evaluation.classes,
        "per_class": [
            [c, n, round(top1, 6), *(round(v, 5) for v in wilson(top1, n))]
            for c, n, top1 in evaluation.per_class
        ],
        "confusion": _confusion(evaluation),
        "calibration": [[b[k] for k in BIN_KEYS] for b in evaluation.calibration],
        "table": evaluation.table,
        "scatter": evaluation.scatter,
        "mistakes": evaluation.mistakes,
        "filters": evaluation.filters._asdict() if evaluation.filters else None,
    }


def _confusion(evaluation: Evaluation) -> dict[str, Any] | None:
    """Cells to draw (binned if there are many classes) and the most confused pairs."""
    triples = evaluation.confusion
    if not len(triples):
        return None
    size = len(evaluation.classes)
    totals = np.bincount(triples[:, 0], triples[:, 2], size)
    wrong = triples[triples[:, 0] != triples[:, 1]]
    shares = wrong[:, 2] / totals[wrong[:, 0]]
    order = np.lexsort((-shares, -wrong[:, 2]))[: 40 if size > MAX_CLASSES else 12]
    pairs = [[*wrong[i].tolist(), round(float(shares[i]), 5)] for i in order.tolist()]
    bins = size if size <= MAX_CLASSES else BINS
    table = np.zeros((bins, bins), np.int64)
    np.add.at(table, tuple((triples[:, :2] * bins // size).T), triples[:, 2])
    truth, prediction = np.nonzero(table)
    cells = np.stack([truth, prediction, table[truth, prediction]], axis=1).tolist()
    return {"bins": bins, "cells": cells, "pairs": pairs}
