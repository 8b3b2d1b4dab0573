"""Tests `images`: a split's images and classes, and unreadable files."""

import cv2
import numpy as np
import pytest

from inception_jax.doctor import images
from inception_jax.doctor.finding import FAIL, WARN
from inception_jax.errors import ConfigError, DataError
from tests.doctor.conftest import page


@pytest.fixture
def folder(tmp_path):
    """Two splits of two classes, 12 noisy images each."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(6):
                pixels = rng.integers(0, 255, (40, 30, 3), np.uint8)
                cv2.imwrite(str(tmp_path / split / name / f"{i}.jpg"), pixels)
    return tmp_path


def test_a_split(folder):
    """Counts images and classes, reads some; the number of classes must be the config's."""
    c = page("finetune", data__dir=str(folder))
    found = images.split(c, "train", seconds=0.1)
    assert (
        "12 images of 2 classes, 8 tried" in found.found and "images/s on 2 threads" in found.found
    )
    with pytest.raises(ConfigError, match="classes=3: expected 2"):
        images.split(page("finetune", data__dir=str(folder), data__classes=3), "train")
    with pytest.raises(ConfigError, match="not a folder"):
        images.split(page("finetune", data__dir=str(folder / "none")), "train")


def test_unreadable_images(folder):
    """An unreadable image is named; if most are unreadable, a run would end with 65."""
    files = sorted((folder / "train").rglob("*.jpg"))
    c = page("finetune", data__dir=str(folder))
    chosen = np.random.default_rng(c.seed).choice(12, 8, replace=False)
    for i, n in enumerate(chosen[:5]):
        files[n].write_bytes(b"\xff\xd8 no picture")
        found = images.split(c, "train")
        assert found.state == (FAIL if i == 4 else WARN)
        assert str(files[n].relative_to(folder)) in found.found
    assert found.code == DataError.code
