"""Tests of inception_jax.data.sources.digits."""

import numpy as np
import pytest

from inception_jax.data.sources.digits import Digits
from inception_jax.errors import ConfigError


def test_splits_are_sklearns_digits():
    """The two splits are disjoint and together hold all of load_digits, scaled to 0..255."""
    sklearn = pytest.importorskip("sklearn.datasets")
    images, labels = sklearn.load_digits(return_X_y=True)
    levels = (images.reshape(-1, 8, 8) * 255 / 16).round().astype(np.uint8)
    for split, chosen in (("test", slice(0, None, 5)), ("train", np.arange(1797) % 5 > 0)):
        source = Digits(split)
        np.testing.assert_array_equal(
            [source.stored(i)[..., 0] for i in range(len(source))], levels[chosen]
        )
        assert [source.label(i) for i in range(len(source))] == labels[chosen].tolist()


def test_images_are_grey_and_named():
    """An image is uint8 [8, 8, 3], grey; sizes, classes and names are as documented."""
    train, test = Digits("train"), Digits("test")
    assert (len(train), len(test)) == (1437, 360)
    image = test.stored(3)
    assert image.shape == (8, 8, 3) and image.dtype == np.uint8 and image.max() == 255
    assert (image == image[..., :1]).all()
    assert test.classes == tuple("0123456789") and test.name(3) == "digits/test/3"


def test_unknown_split_is_refused():
    """The message names the splits."""
    with pytest.raises(ConfigError, match=r"no split 'validation': set .* to train or test"):
        Digits("validation")
