"""Tests of inception_jax.config.counted: numbers of classes that are left to the data."""

import pytest

from inception_jax.config import counted
from inception_jax.errors import ConfigError
from tests.tiny import digits


@pytest.mark.parametrize(
    ("classes", "outputs", "expected"),
    [(-1, -1, (10, 10)), (10, -1, (10, 10)), (-1, 11, (10, 11)), (-1, 0, (10, 0)),
     (10, 18, (10, 18))],
)  # fmt: skip
def test_counted_numbers_are_filled_in(classes, outputs, expected):
    """`auto` becomes the number of classes; a number that is given stays."""
    config = digits(data__classes=classes, model__num_classes=outputs)
    counted.fill_in(config, 10, "train")
    assert (config.data.classes, config.model.num_classes) == expected


@pytest.mark.parametrize(
    ("classes", "outputs", "message"),
    [(9, -1, "data.classes=9: expected 10, the classes of split 'train', or auto"),
     (-1, 9, "model.num_classes=9: expected data.classes=10")],
)  # fmt: skip
def test_another_number_is_refused(classes, outputs, message):
    """A number that is given must fit the data."""
    with pytest.raises(ConfigError, match=message):
        counted.fill_in(digits(data__classes=classes, model__num_classes=outputs), 10, "train")
