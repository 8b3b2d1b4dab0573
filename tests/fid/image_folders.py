"""Two folders of noise, and their features by the tiny network."""

import numpy as np
import pytest

from inception_jax.eval import predict
from inception_jax.fid import image_set
from tests.data.pictures import encoded

SIZES = [(40, 30), (8, 8), (17, 64), (9, 120), (33, 33), (64, 64), (5, 7)]


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Two trees of noise, 7 and 9 images of different sizes, some two folders down."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for name, count in (("a", 7), ("b", 9)):
        for i in range(count):
            folder = root / name / ("deep/er" if i % 2 else "")
            folder.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256 if name == "a" else 100, (*SIZES[i % 7], 3), np.uint8)
            (folder / f"{i}.png").write_bytes(encoded(pixels, ".png"))
        (root / name / "._0.png").write_bytes(b"left by macOS in an archive, no image")
    return root / "a", root / "b"


def extract(run, folder, batch_size=8):
    """The features of a folder; `run` is (workdir, config)."""
    extractor = image_set.FeatureExtractor(predict.Predictor(run[1], run[0]))
    return extractor.extract(folder, *predict.image_files([folder]), batch_size)
