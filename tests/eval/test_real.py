"""Tests `inception_jax/eval/real.py`: hits by the ReaL labels."""

import json

import numpy as np
import pytest

from inception_jax.data import imagenet
from inception_jax.data.imagenet import wnids
from inception_jax.errors import ConfigError, DataError
from inception_jax.eval.real import Real


def test_real_labels(tmp_path):
    """One of four images has no labels; a hit is any of an image's labels."""
    lists = [[] for _ in range(imagenet.IMAGES["validation"])]
    lists[0], lists[10], lists[20] = [3, 7], [5], [9]
    path = tmp_path / "real.json"
    path.write_text(json.dumps(lists))
    real = Real(path, wnids(), np.array([1, 31, 21, 11]))  # validation ids of images 0 to 3
    log = np.full((4, 1000), -9.0)
    log[0, 7] = log[3, 6:10] = log[2, 0] = log[1, 5] = 0  # right, near, wrong, not counted
    log[3, 5] = -1
    log[2, 1:6] = -1
    assert real.hits(np.arange(4), log) == (3, 1, 2)
    assert real.hits(np.array([3]), log[3:]) == (1, 0, 1)


def test_real_refuses(tmp_path):
    """Another format, other classes or other file names raise."""
    path, ids = tmp_path / "real.json", np.array([1])
    with pytest.raises(ConfigError, match="found none"):
        Real(path, wnids(), ids)
    for text in ("{}", "[[1]]", "no", json.dumps([[1000]] * imagenet.IMAGES["validation"])):
        path.write_text(text)
        with pytest.raises(DataError, match="50,000 lists"):
            Real(path, wnids(), ids)
    path.write_text(json.dumps([[1]] * imagenet.IMAGES["validation"]))
    with pytest.raises(DataError, match="ImageNet's 1,000 classes"):
        Real(path, ("cat", "dog"), ids)
    with pytest.raises(DataError, match="files named"):
        Real(path, wnids(), np.array([0]))
