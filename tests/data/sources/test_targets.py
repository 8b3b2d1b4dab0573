"""Tests of inception_jax.data.sources.targets."""

import numpy as np
import pytest

from inception_jax.data.pipeline import TrainReader
from inception_jax.data.sources import targets
from inception_jax.data.sources.digits import Digits
from inception_jax.data.sources.open import open_source
from inception_jax.errors import ConfigError
from tests.data.pictures import read, settings
from tests.data.sources.test_labelled import table


def test_classes_as_labels_and_values():
    """A source with classes has one label of many, or the number that names the class."""
    digits = Digits("test")
    flags = open_source(settings(source="digits", task="multilabel"), "test")
    np.testing.assert_array_equal(flags.targets.argmax(1), digits.labels)
    assert flags.targets.sum() == len(digits) and flags.classes == digits.classes
    values = open_source(settings(source="digits", task="regression", cache=True), "test")
    np.testing.assert_array_equal(values.targets[:, 0], digits.labels)
    assert values.classes == ("value",) and values.name(3) == digits.name(3)


def test_classes_without_numbers_are_no_values(tmp_path):
    """The message names a way out."""
    data = table(tmp_path, "path,label", "0.png,cat")
    data.task = "classification"
    with pytest.raises(ConfigError, match="or classes named by numbers, found 'cat'"):
        targets.of_classes(open_source(data, "train"), "regression")


@pytest.mark.parametrize("columns", [("label",), ("cat", "dog", "grass")])
def test_several_labels_of_a_table(tmp_path, columns):
    """Cells with bars, or a column of 0 and 1 for each: the same targets."""
    data = table(
        tmp_path, "path,label,cat,dog,grass,split", "0.png,dog| grass,0,1,1,train",
        "1.png,,0,0,0,train", "2.png,cat,1,0,0,train", "3.png,grass,0,0,1,test",
    )  # fmt: skip
    data.task, data.label_columns = "multilabel", columns
    source = open_source(data, "train")
    assert source.classes == ("cat", "dog", "grass")
    assert source.targets.tolist() == [[0, 1, 1], [0, 0, 0], [1, 0, 0]]
    assert open_source(data, "test").targets.tolist() == [[0, 0, 1]]


@pytest.mark.parametrize(
    ("task", "cell", "message"),
    [("multilabel", "2", "line 3, column 'a': expected 0 or 1, found 2"),
     ("multilabel", "yes", "line 3, column 'a': expected a number, found 'yes'"),
     ("regression", "", "line 3, column 'a': expected a number, found ''"),
     ("regression", "inf", "line 3, column 'a': expected a number, found 'inf'")],
)  # fmt: skip
def test_errors_name_line_and_column(tmp_path, task, cell, message):
    """A cell that is no number, or neither 0 nor 1."""
    data = table(tmp_path, "path,a,b", "0.png,1,0", f"1.png,{cell},1")
    data.task, data.label_columns = task, ("a", "b")
    with pytest.raises(ConfigError, match=message):
        open_source(data, "train")


def test_values_are_standardised_for_training(tmp_path):
    """Mean 0 and deviation 1 over the training split; batches have them in float32."""
    rows = [f"{i}.png,{1000 + 10 * i},5" for i in range(4)]
    data = table(tmp_path, "path,a,b", *rows)
    data.task, data.label_columns = "regression", ("a", "b")
    source, scale = targets.standardised(open_source(data, "train"))
    np.testing.assert_allclose(scale.mean, [1015, 5])
    np.testing.assert_allclose(scale.std, [np.sqrt(125), 1])
    batch = read(TrainReader(source, data, 0), range(8))
    assert batch["label"].dtype == np.float32 and batch["label"].shape == (8, 2)
    np.testing.assert_allclose(
        scale.original(batch["label"])[:, 0], 1000 + 10 * batch["index"], rtol=1e-6
    )
