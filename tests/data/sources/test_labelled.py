"""Tests of inception_jax.data.sources.labelled."""

import numpy as np
import pytest

from inception_jax.data.sources import labelled
from inception_jax.data.sources.labelled import Labelled
from inception_jax.data.sources.open import open_source
from inception_jax.errors import ConfigError
from tests.data.pictures import encoded, gradient, pixels, settings


def table(folder, *lines: str, images: int = 4):
    """A table of `lines`, and images 0.png, 1.png, ... beside it: the `data` section."""
    (folder / "labels.csv").write_text("\n".join(lines))
    for i in range(images):
        (folder / f"{i}.png").write_bytes(encoded(gradient(shade=10 * i), ".png"))
    return settings(source="folder", labels=str(folder / "labels.csv"))


HEAD = "path,label,split,weight"
ROWS = ("0.png,dog,train,1", "1.png,cat,train,2.5", "2.png,cat,test,0", "3.png,dog,train,1")


def test_images_labels_and_weights_of_a_split(tmp_path):
    """Rows of a split in the table's order; classes are sorted; paths are beside the table."""
    data = table(tmp_path, HEAD, *ROWS)
    source = open_source(data, "train")
    assert isinstance(source, Labelled) and source.classes == ("cat", "dog") and len(source) == 3
    assert [source.label(i) for i in range(3)] == [1, 0, 1]
    assert source.labels.tolist() == [1, 0, 1] and source.weights.tolist() == [1, 2.5, 1]
    assert [source.name(i) for i in range(3)] == ["0.png", "1.png", "3.png"]
    np.testing.assert_array_equal(pixels(source, 2), gradient(shade=30))
    assert open_source(data, "test").classes == ("cat", "dog")
    assert labelled.splits(data) == ["train", "test"]


def test_paths_are_relative_to_the_data_folder(tmp_path):
    """With data.dir the table may be anywhere; without a column `split` all rows train."""
    (tmp_path / "images").mkdir()
    data = table(tmp_path / "images", "path,kind", "0.png,a", images=1)
    (tmp_path / "images/labels.csv").rename(tmp_path / "labels.csv")
    data.labels, data.dir = str(tmp_path / "labels.csv"), str(tmp_path / "images")
    data.label_columns = ("kind",)
    assert Labelled(data, "train").classes == ("a",) and Labelled(data, "train").weights is None
    with pytest.raises(ConfigError, match=r"split 'test', found train \(it has no column 'split'"):
        Labelled(data, "test")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["0.png,dog,train,1", "9.png,cat,train,1"], "line 3, column 'path': expected an image"),
        (["0.png,dog,train,1", "1.png,,train,1"], "line 3, column 'label': expected a text"),
        (["0.png,dog,train,1", "1.png,cat,,1"], "line 3, column 'split': expected a text"),
        (["0.png,dog,test,1"], "expected rows of the split 'train', found test"),
        (["0.png,dog,train,x"], "line 2, column 'weight': expected a number of at least 0"),
        (["0.png,dog,train,-1"], "line 2, column 'weight': expected a number of at least 0"),
        (["0.png,dog,train,nan"], "line 2, column 'weight': expected a number of at least 0"),
    ],
)
def test_errors_name_line_and_column(tmp_path, rows, message):
    """What cannot be trained with is refused with its place."""
    with pytest.raises(ConfigError) as error:
        Labelled(table(tmp_path, HEAD, *rows), "train")
    assert message in str(error.value)


def test_a_label_that_training_lacks_is_refused(tmp_path):
    """A class of the evaluated split alone has no output."""
    data = table(tmp_path, HEAD, "0.png,dog,train,1", "1.png,cow,test,1")
    with pytest.raises(ConfigError, match="line 3, column 'label': expected a label of the train"):
        Labelled(data, "test")


def test_a_missing_column_names_the_others(tmp_path):
    """The label's column is data.label_columns."""
    data = table(tmp_path, "path,kind", "0.png,a")
    with pytest.raises(ConfigError, match="expected a column 'label', found path, kind"):
        Labelled(data, "train")
