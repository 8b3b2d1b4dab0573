"""Tests `inception_jax/eval/result.py`: mistakes, and the files that the report reads."""

import json

import numpy as np
import pytest

from inception_jax.eval.classified import Classified
from inception_jax.eval.measure import MISTAKES
from inception_jax.eval.result import Result
from inception_jax.report import evaluations
from tests import evaluated, tiny


@pytest.fixture(scope="module")
def result():
    """100 images of ten classes, half of them wrong, in two batches; one unreadable."""
    rng, result = np.random.default_rng(0), Result(Classified(10))
    label, noise = np.arange(100) % 10, rng.dirichlet(np.ones(10), 100)
    noise[np.arange(100), (label + np.arange(100) // 50) % 10] += 1
    log = np.log(noise / noise.sum(axis=1, keepdims=True)).astype(np.float32)
    for part in (slice(0, 30), slice(30, 100)):
        result.add(np.arange(100)[part], label[part], log[part])
    result.unreadable = {"picture 100": "broken"}
    return result


def test_mistakes_are_the_most_confident(result):
    """At most `MISTAKES`, the most confident first, none of a right prediction."""
    sure = [m.confidence for m in result.mistakes]
    assert len(sure) == MISTAKES and sure == sorted(sure, reverse=True)
    assert all(m.index >= 50 and m.label != m.prediction for m in result.mistakes)
    assert (result.seen, result.measure.sums.top1) == (100, 50)


def test_saved_files_are_what_the_report_reads(result, tmp_path):
    """Metrics, classes, mistakes with pixels, filters and the keys of the head."""
    model, source = tiny.Tiny(), evaluated.Noise(101)
    path, config = tmp_path / "eval" / "test.json", tiny.digits()
    result.save(
        path, {"split": "test", "step": 7}, source=source, data=config.data, model=model,
        variables=evaluated.variables(model, 8),
    )  # fmt: skip
    summary = json.loads(path.read_text())
    assert summary["top1"] == 0.5 and summary["unreadable"] == {"picture 100": "broken"}
    assert summary["model"] == "tiny" and summary["classes"] == list("abcdefghij")
    notes = []
    read = evaluations.read_all(path.parent, notes)["test"]
    assert read.step == 7 and len(read.mistakes) == MISTAKES and read.filters
    assert notes == ["images of test that could not be read: 1"]
    assert sorted(p.name for p in path.parent.iterdir()) == ["test.json", "test.npz"]
