"""Tests `inception_jax/fid/image_set.py`: features of image folders, and their files."""

import numpy as np
import pytest

from inception_jax import checkpoint, models
from inception_jax.errors import ConfigError, DataError
from inception_jax.fid import compare, image_set
from tests.fid.image_folders import extract

pytestmark = pytest.mark.usefixtures("quick_compiler")


def test_every_image_counts_once(tiny_run, folders):
    """Batches of 2 and 32 give the same features in the same order."""
    sets = [extract(tiny_run, folders[0], b) for b in (2, 32)]
    assert [s.count for s in sets] == [7] * 2 and sets[0].logits.shape == (7, 5)
    for s in sets[1:]:
        np.testing.assert_allclose(s.features, sets[0].features, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(s.logits, sets[0].logits, rtol=1e-4, atol=1e-4)
    assert len(np.unique(sets[0].features.sum(axis=1))) == 7


def test_the_logits_are_without_bias(tiny_run, folders):
    """As torch-fidelity's `logits_unbiased`: features times the classifier's kernel."""
    images = extract(tiny_run, folders[0])
    kernel = checkpoint.load(tiny_run[0])[1]["params"]["logits"]["kernel"]
    np.testing.assert_allclose(images.logits, images.features @ kernel, rtol=1e-4, atol=1e-4)


def test_a_network_without_classes(tiny_run, folders, tmp_path):
    """It has features and no Inception Score."""
    config = tiny_run[1].copy_and_resolve_references()
    config.model.num_classes = 0
    checkpoint.write(tmp_path, models.init(models.create("tiny", num_classes=0)))
    images = extract((tmp_path, config), folders[0])
    assert images.logits is None and images.features.shape == (7, 16)
    assert compare.inception_score_of(images, 10, 0)[0] is None


def test_files_are_read_back(tiny_run, folders, tmp_path):
    """Saved statistics are equal; a file of features has the same ones."""
    images = extract(tiny_run, folders[0])
    images.save(tmp_path / "a.npz")
    np.savez(tmp_path / "f.npz", features=images.features, path=["x"])
    for name, network in (("a", images.network), ("f", "")):
        again = image_set.read(tmp_path / f"{name}.npz")
        assert (again.count, again.network) == (7, network)
        assert (again.statistics.mean == images.statistics.mean).all()
        assert (again.statistics.covariance == images.statistics.covariance).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "f.npz"]
    with pytest.raises(ConfigError, match="cannot write --save="):
        images.save(tmp_path / "missing" / "a.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [({"mu": np.zeros(3)}, "expected mu"), ({"features": np.ones((1, 3))}, "at least 2 images"),
     ({"features": np.full((3, 2), np.nan)}, "finite features"),
     ({"mu": np.zeros(2), "sigma": np.full((2, 2), np.inf)}, "finite statistics")],
)  # fmt: skip
def test_damaged_files(arrays, message, tmp_path):
    """Missing arrays, one image, or numbers that are not finite raise."""
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        image_set.read(tmp_path / "a.npz")
