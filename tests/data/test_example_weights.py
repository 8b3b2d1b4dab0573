"""Tests of inception_jax.data.example_weights."""

from types import SimpleNamespace

import numpy as np
import pytest

from inception_jax.config import keys, sections
from inception_jax.data.example_weights import class_weights, example_weights
from inception_jax.errors import ConfigError

LABELS = np.array([0, 0, 0, 1])
CLASSES = ("a", "b=c")


def loss(**changes):
    """The `loss` section."""
    return SimpleNamespace(**{**keys.defaults(sections.Loss), **changes})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("balanced", (4 / 6, 4 / 2)),
     ("effective", 2 * np.array([0.1 / (1 - 0.9**3), 1]) / (0.1 / (1 - 0.9**3) + 1)),
     ("b=c=0.5", (1, 0.5))],
)  # fmt: skip
def test_weights_of_classes_by_hand(rule, expected):
    """Each rule's formula; a class may have an equals sign in its name."""
    np.testing.assert_allclose(class_weights(rule, 0.9, LABELS, CLASSES), expected)


def test_balanced_weights_are_sklearns():
    """n / (k n_c), as `class_weight="balanced"`."""
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.repeat([0, 1, 2], [7, 2, 5])
    theirs = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights("balanced", 0, labels, "xyz"), theirs)


def test_weights_of_examples():
    """The class's weight times the example's own; None where nothing weighs."""
    source = type("S", (), {"labels": LABELS, "classes": CLASSES, "weights": LABELS + 1.0,
                            "__len__": lambda self: 4})()  # fmt: skip
    assert example_weights(source, loss()) is None
    found = example_weights(source, loss(class_weights="balanced", example_weights=True))
    np.testing.assert_allclose(found, [2 / 3, 2 / 3, 2 / 3, 4])
    assert found.dtype == np.float32


def test_what_is_missing_is_named():
    """No column of weights; a name that is no class."""
    source = type("S", (), {"labels": LABELS, "classes": CLASSES, "__len__": lambda self: 4})()
    with pytest.raises(ConfigError, match="expected a column 'weight'"):
        example_weights(source, loss(example_weights=True))
    with pytest.raises(ConfigError, match="expected names of classes, found 'cat'"):
        example_weights(source, loss(class_weights="cat=2"))
