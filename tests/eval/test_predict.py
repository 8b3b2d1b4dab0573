"""Tests `inception_jax/eval/predict.py`: predictions and features of image files."""

import numpy as np
import pytest

from inception_jax.data.images.picture import Picture
from inception_jax.errors import ConfigError
from inception_jax.eval import predict
from tests.data.pictures import encoded, gradient

pytestmark = pytest.mark.usefixtures("quick_compiler")


@pytest.fixture
def predictor(tiny_run):
    """The predictor of the tiny network."""
    workdir, config = tiny_run
    return predict.Predictor(config, workdir)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Five images, the third unreadable."""
    root = tmp_path_factory.mktemp("images")
    for i in range(5):
        data = encoded(gradient(20 + i, 30, shade=40 * i), ".png")
        (root / f"{i}.png").write_bytes(b"torn" if i == 2 else data)
    (root / "notes.txt").write_text("no image")
    return predict.image_files([root])[0]


def test_image_files(files, tmp_path):
    """A folder stands for its images; a missing path or an empty folder raises."""
    assert [p.name for p in files] == [f"{i}.png" for i in range(5)]
    assert predict.image_files([files[3]])[0] == [files[3]]
    for path, message in ((tmp_path / "no.png", "found nothing"), (tmp_path, "found none")):
        with pytest.raises(ConfigError, match=message):
            predict.image_files([path])


def test_top_classes(predictor, files):
    """Sorted probabilities of classes, equal for any batch size; errors in the file's place."""
    one, all_ = (list(predictor.run(files, 5, batch_size=batch)) for batch in (2, 32))
    for (path, top, error), (other, expected, _) in zip(all_, one, strict=True):
        assert path == other and (error is not None) == (path.name == "2.png")
        assert [c for c, _ in top] == [c for c, _ in expected]
        probabilities = [p for _, p in top]
        np.testing.assert_allclose(probabilities, [p for _, p in expected], rtol=1e-4)
        assert error or (sum(probabilities) == pytest.approx(1, rel=1e-5) and len(top) == 5)


def test_the_views_of_the_runs_protocol(tiny_run, tmp_path):
    """With `mirror` the probabilities are means over an image and its mirror."""
    workdir, config = tiny_run
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    for name, pixels in (("a", image), ("b", np.ascontiguousarray(image[:, ::-1]))):
        (tmp_path / f"{name}.png").write_bytes(encoded(pixels, ".png"))
    files = predict.image_files([tmp_path])[0]

    def probabilities(protocol):
        c = config.copy_and_resolve_references()
        c.eval.protocol = protocol
        found = predict.Predictor(c, workdir).run(files, 10)
        return np.array([[p for _, p in sorted(top)] for _, top, _ in found])

    one, both = probabilities("config"), probabilities("mirror")
    assert abs(one[0] - one[1]).max() > 1e-3
    np.testing.assert_allclose(both, np.tile(one.mean(axis=0), (2, 1)), rtol=1e-4)


def test_features(predictor, files):
    """Pooled features are the mean of the spatial ones; an unknown end-point names the known."""
    row = "conv2"
    spatial = {p: x for p, x, e in predictor.features(files, row, False) if not e}
    pooled = {p: x for p, x, e in predictor.features(files, row, True) if not e}
    assert len(pooled) == 4 and next(iter(spatial.values())).ndim == 3
    for path, x in pooled.items():
        np.testing.assert_allclose(x, spatial[path].mean(axis=(0, 1)), rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigError, match=f"--features: .*{row}"):
        predictor.features(files, "mixed_9z", True)


def test_the_stretched_image_is_not_rounded(predictor):
    """NumPy's half-pixel bilinear interpolation: float, up and down, no crop."""
    image = np.random.default_rng(0).integers(0, 256, (20, 70, 3), np.uint8)

    def along(x, axis):
        n = x.shape[axis]
        at = np.clip((np.arange(8) + 0.5) * n / 8 - 0.5, 0, n - 1)
        low = np.minimum(at.astype(int), n - 2)
        part = (at - low).reshape([-1 if i == axis else 1 for i in range(3)])
        return x.take(low, axis) * (1 - part) + x.take(low + 1, axis) * part

    expected = along(along(image.astype(np.float64), 0), 1)
    pixels = predictor.stretched(Picture(image))
    assert pixels.dtype == np.float32 and np.abs(pixels - expected).max() < 1e-3
