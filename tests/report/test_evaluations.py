"""Tests `report/evaluations.py`: partial, damaged and complete evaluation files."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inception_jax.report import evaluations

from .read_page import embedded, plain_text, written

MakeRun = Callable[..., Path]


def test_damaged_arrays_are_skipped(make_run: MakeRun) -> None:
    """Without the images of eval/test.npz, the numbers of eval/test.json are shown."""
    run = make_run()
    full = json.loads((run / "eval/test.json").read_text())
    (run / "eval/test.npz").write_bytes(b"PK not a zip")
    page = written(run)
    evaluation = embedded(page)[0]["evaluations"]["test"]
    assert [row[:3] for row in evaluation["per_class"]] == [
        [r["class"], r["count"], r["top1"]] for r in full["per_class"]
    ]
    assert evaluation["ece"] == full["ece"] and evaluation["mistakes"] == []
    assert "eval/test.npz was skipped" in plain_text(page)


def test_a_damaged_evaluation_is_skipped(make_run: MakeRun) -> None:
    """A file with impossible numbers is named; the result comes from metrics.jsonl."""
    run = make_run()
    bad = {"split": "test", "per_class": [{"class": 0, "count": 9, "top1": 1.5}]}
    (run / "eval/test.json").write_text(json.dumps(bad))
    text = plain_text(written(run))
    assert "test.json was skipped: ValueError: expected class, images and a top-1 within" in text
    assert "test (ema) top-1 78." in text


@pytest.mark.parametrize("value", [5, "5", {"a": 1}, [[10**400]], [["x"]], [[1, 2], [3]]])
def test_no_value_of_an_evaluation_raises(tmp_path: Path, value: object) -> None:
    """A value of another type, or too large, leaves out its file with a note."""
    for key in ("confusion", "per_class", "calibration", "classes"):
        notes: list[str] = []
        (tmp_path / "test.json").write_text(json.dumps({"split": "test", key: value}))
        read = evaluations.read_all(tmp_path, notes)
        assert list(read) == ["test"] or "test.json was skipped" in notes[0]


def test_evaluation_as_the_evaluator_writes_it(make_run: MakeRun) -> None:
    """Empty bins and classes, no mistakes, no filters, outputs without a class, unreadable images.

    Other parts are not affected.
    """
    run = make_run()
    path = run / "eval/test.json"
    full = json.loads(path.read_text())
    full["per_class"][3] |= {"count": 0, "top1": None}
    full["calibration"][0] |= {"count": 0, "confidence": None, "accuracy": None}
    full["confusion"] = [[*row, 1] for row in full["confusion"]]
    path.write_text(json.dumps(full | {"unreadable": {"test/7": "not a JPEG"}, "loss": math.nan}))
    np.savez(
        path.with_suffix(".npz"),
        mistake_images=np.zeros(0, np.uint8),
        mistake_labels=np.zeros(0, int),
        mistake_predictions=np.zeros(0, int),
        mistake_probabilities=np.zeros(0),
        mistake_ids=np.zeros(0, str),
        filters=np.zeros((0, 0, 0, 0), np.float32),
    )
    page = written(run)
    evaluation = embedded(page)[0]["evaluations"]["test"]
    assert [row[0] for row in evaluation["per_class"]] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert len(evaluation["calibration"]) == 14
    assert evaluation["confusion"]["bins"] == 11 and evaluation["classes"][10] == "class 10"
    assert evaluation["mistakes"] == [] and evaluation["filters"] is None
    assert page.count('<p class="note">') == 2  # the noscript one too
    assert "images of test that could not be read: 1" in plain_text(page)


def test_mistakes_and_filters_are_images(make_run: MakeRun) -> None:
    """Mistakes are sorted by confidence; large images become JPEGs, small ones stay lossless."""
    small, large = make_run("small"), make_run("large", side=299)
    for run, kind in ((small, "png"), (large, "jpeg")):
        evaluation = embedded(written(run))[0]["evaluations"]["test"]
        probabilities = [m["probability"] for m in evaluation["mistakes"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert evaluation["mistakes"][0]["uri"].startswith(f"data:image/{kind};base64,")
        assert len(evaluation["mistakes"][0]["uri"]) < 20_000
        assert evaluation["filters"]["caption"].startswith("32 filters of 7×7×3")
