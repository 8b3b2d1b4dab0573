"""Tests `inception_jax/eval/multilabel.py`: scikit-learn's values, whatever the batches."""

import numpy as np
import pytest
from sklearn import metrics

from inception_jax.eval.multilabel import MultiLabel, auroc, average_precision, f1


def split(count=311, classes=7, seed=0):
    """Labels and logits with many ties; the first class is rare, the last has all images."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((count, classes)) < np.linspace(0.03, 0.7, classes)).astype(float)
    labels[0], labels[:, -1] = 1, 1
    logits = (rng.normal(size=labels.shape) + labels).round(1).astype(np.float32)
    return labels, logits


def measured(labels, logits, order, size):
    """The measure of the images, added in an order and in batches."""
    measure = MultiLabel(labels.shape[1])
    for at in range(0, len(order), size):
        rows = order[at : at + size]
        measure.add(rows, labels[rows], logits[rows])
    return measure


def test_metrics_are_sklearns():
    """Macro and micro average precision, AUROC and F1, and the loss, to 1e-9."""
    labels, logits = split()
    found = measured(labels, logits, np.arange(len(labels)), 50).compute()
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    both = labels[:, :-1], logits[:, :-1]  # AUROC needs images without the label
    expected = {
        "map": metrics.average_precision_score(labels, logits, average="macro"),
        "map_micro": metrics.average_precision_score(labels, logits, average="micro"),
        "auroc": metrics.roc_auc_score(*both, average="macro"),
        "auroc_micro": metrics.roc_auc_score(labels.ravel(), logits.ravel()),
        "f1": metrics.f1_score(labels, p >= 0.5, average="macro"),
        "f1_micro": metrics.f1_score(labels, p >= 0.5, average="micro"),
        "loss": -np.mean(labels * np.log(p) + (1 - labels) * np.log1p(-p)),
    }
    assert found.pop("count") == 311 and found.keys() == expected.keys()
    for key, value in expected.items():
        assert abs(found[key] - value) < 1e-9, key


@pytest.mark.parametrize("size", [1, 64, 311])
def test_results_depend_on_no_order_and_no_batches(size):
    """Bit-identical for images in another order, in other batches."""
    labels, logits = split()
    whole = measured(labels, logits, np.arange(len(labels)), 311)
    other = measured(labels, logits, np.random.default_rng(1).permutation(len(labels)), size)
    assert other.compute() == whole.compute()
    assert other.details("abcdefg") == whole.details("abcdefg")


def test_the_table_by_class():
    """Images with the label and its metrics; None where there is no value."""
    labels, logits = split()
    table = measured(labels, logits, np.arange(311), 311).details("abcdefg")["table"]
    assert table["names"] == list("abcdefg") and len(table["rows"]) == 7
    count, ap, area, score = table["rows"][2]
    own = labels[:, 2], logits[:, 2]
    assert count == own[0].sum() and abs(ap - metrics.average_precision_score(*own)) < 1e-9
    assert abs(area - metrics.roc_auc_score(*own)) < 1e-9
    assert abs(score - metrics.f1_score(own[0], own[1] >= 0)) < 1e-9
    assert table["rows"][-1][2] is None


def test_what_is_not_defined():
    """Without the label there is no AP, without both no AUROC; F1 of nothing is 0."""
    none, scores = np.zeros(3, bool), np.arange(3.0)
    assert np.isnan(average_precision(none, scores)) and np.isnan(auroc(none, scores))
    assert np.isnan(auroc(~none, scores)) and average_precision(~none, scores) == 1
    assert f1(none, -1 - scores) == 0.0
    assert MultiLabel(2).compute() == {"count": 0, "loss": 0.0}
