"""Tests of inception_jax.data.sources.folds."""

import pickle

import numpy as np
import pytest

from inception_jax.data.sources import folds
from inception_jax.data.sources.digits import Digits
from inception_jax.data.sources.open import open_source
from inception_jax.errors import ConfigError
from tests.data.pictures import settings


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_folds_are_stratified_and_hold_each_image_once(task):
    """Every training image is held out once; classes are spread evenly, and values."""
    whole, held = Digits("train"), []
    for fold in range(5):
        data = settings(source="digits", task=task, folds=5, fold=fold)
        out, rest = open_source(data, "fold"), open_source(data, "train")
        names = [{s.name(i) for i in range(len(s))} for s in (out, rest)]
        assert not names[0] & names[1] and len(names[0] | names[1]) == len(whole)
        held += names[0]
        assert abs(len(out) - len(whole) / 5) < 1
        labels = [int(n.rpartition("/")[2]) for n in names[0]]
        counts = np.bincount(whole.labels[labels], minlength=10)
        most = 1 if task != "regression" else 3
        assert (np.abs(counts - np.bincount(whole.labels) / 5) <= most).all()
        assert out.classes == rest.classes
    assert len(held) == len(set(held)) == len(whole)


def test_labels_follow_their_images():
    """Labels, pixels and names of a subset are those of the whole, in another process too."""
    part = pickle.loads(pickle.dumps(folds.part(Digits("train"), 3, 1, held_out=True)))
    whole = Digits("train")
    for i in (0, 100, len(part) - 1):
        number = int(part.name(i).rpartition("/")[2])
        assert part.label(i) == whole.label(number) == part.labels[i]
        np.testing.assert_array_equal(part.stored(i), whole.stored(number))


def test_other_splits_are_whole():
    """Folds are of the training split alone."""
    assert len(open_source(settings(source="digits", folds=5), "test")) == 360
    with pytest.raises(ConfigError, match="expected at most 1437"):
        folds.part(Digits("train"), 2000, 0, held_out=True)
