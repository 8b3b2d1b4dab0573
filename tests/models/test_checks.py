"""Tests `checks`: what `create` and `apply` refuse, and what to do instead."""

import jax
import jaxtyping
import numpy as np
import pytest

from inception_jax import models
from inception_jax.models import checks, preprocess
from tests.tiny import Tiny


@pytest.fixture(autouse=True)
def as_users():
    """Shapes and types are not checked by jaxtyping, which only the tests have."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        *(({"width": w}, "width=.*expected a number above 0")
          for w in (0, -1, np.nan, np.inf, "0.5", True, None)),
        *(({"num_classes": n}, "num_classes=.*expected a whole number from 0")
          for n in (-1, 1.5, "10", True)),
        ({"dropout": 1.0}, "dropout=1.0: expected a rate"), ({"bn_decay": 2}, "bn_decay=2"),
        ({"bn_group": -1}, "bn_group=-1"), ({"bn_group": 2.5}, "bn_group=2.5"),
        ({"drop_rows": "conv1"}, "expected a tuple of rows"),
        ({"channels": 0}, "channels=0: expected a whole number from 1"),
        ({"mean": (1.0,)}, r"mean=\(1.0,\): expected 3 numbers"),
        ({"channels": 1, "mean": (1.0,)}, r"std=\(\): expected 1 numbers"),
        ({"mean": (1, 2, 3), "std": (1, 0, 1)}, "of std above 0"),
        ({"channels": 6, "normalization": "imagenet"}, "with channels=6: expected ''"),
        ({"channels": 6, "stem": "whitened"}, "whitened' with channels=6: expected another"),
        ({"num_class": 3}, "did you mean 'num_classes'"),
        ({"drop_out": 0.1}, "did you mean 'dropout'"),
        ({"nclasses": 10, "parent": 3}, "unknown field 'nclasses', expected num_classes, channels"),
    ],
)  # fmt: skip
def test_fields(fields, message):
    """A number that no network can have, and an unknown name."""
    with pytest.raises((ValueError, TypeError), match=message):
        models.create("googlenet", **fields)


def test_numbers_of_numpy():
    """They are as good as Python's."""
    model = models.create("googlenet", num_classes=np.int64(3), width=np.float32(0.25))
    assert (model.num_classes, model.width, model.bn_decay) == (3, 0.25, None)


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((2, 8, 8, 3), "uint8", "floating dtype, got uint8: .*as_input"),
        ((2, 8, 8, 3), "bool", "got bool"),
        ((2, 2, 2, 3), "float32", "at least 8x8 pixels, got 2x2: enlarge"),
        ((2, 3, 8, 8), "float32", r"channels first: images.transpose\(0, 2, 3, 1\)"),
        ((8, 8, 3), "float32", r"add the batch's axis, images\[None\]"),
        ((2, 8, 8, 1), "float32", "grey: repeat the channel"),
        ((2, 8, 8, 4), "float32", "alpha channel: leave it out"),
        ((2, 8, 8, 5), "float32", r"got shape \(2, 8, 8, 5\)"),
        ((0, 8, 8, 3), "float32", "empty"), ((8, 8), "float32", r"got shape \(8, 8\)"),
    ],
)  # fmt: skip
def test_images(shape, dtype, message):
    """`apply` says what is wrong with its input, under jit too, where shapes are known."""
    model, image = Tiny(), jax.ShapeDtypeStruct(shape, dtype)
    with pytest.raises((ValueError, TypeError), match=message):
        jax.eval_shape(lambda x: model.init(jax.random.key(0), x), image)
    if dtype == "float32" and shape[1:] != (2, 2, 3):
        with pytest.raises(ValueError, match=message):
            jax.eval_shape(lambda x: preprocess.as_input(x, model), image)


def test_images_smaller_than_the_strides():
    """A network of full stem halves its grid five times."""
    with pytest.raises(models.ImageTooSmallError, match="at least 32x32 pixels, got 31x64"):
        checks.side(np.zeros((1, 31, 64, 3)), 32)
