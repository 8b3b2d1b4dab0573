"""Tests `inception_jax/models/trained.py`: images to classes, logits and features."""

import io

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from inception_jax import models
from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.file_kind import FileKind
from inception_jax.errors import ConfigError, DataError
from inception_jax.models import preprocess
from inception_jax.models.trained import TrainedNetwork, picture
from tests import tiny
from tests.data.pictures import encoded, gradient

pytestmark = pytest.mark.usefixtures("quick_compiler")


def crop(picture: Picture) -> np.ndarray:
    """The upper left corner."""
    return np.ascontiguousarray(picture.whole()[:8, :8])


@pytest.fixture(scope="module")
def network():
    """The tiny network of five classes, whose views are the crop and its mirror."""
    model = tiny.Tiny(num_classes=5)
    views = lambda p: np.stack([crop(p), crop(p)[:, ::-1]])  # noqa: E731
    return TrainedNetwork(model, models.init(model, 3), [*"abcde"], crop, views, step=7)


IMAGE = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)


def test_every_kind_of_image_is_the_same_input(network, tmp_path):
    """A path, text, bytes, a PIL image and an array: the model's normalised crop."""
    data, path = encoded(IMAGE, ".png"), tmp_path / "a.png"
    path.write_bytes(data)
    want = preprocess.as_input(IMAGE[None, :8, :8], network.model)
    for image in (IMAGE, jnp.asarray(IMAGE), path, str(path), data, Image.open(io.BytesIO(data))):
        x = network.preprocess(image)
        assert x.shape == (1, 8, 8, 3) and x.dtype == np.float32
        np.testing.assert_array_equal(x, want)
    grey = Image.fromarray(IMAGE[..., 0])
    np.testing.assert_array_equal(
        network.preprocess(grey), network.preprocess(np.repeat(IMAGE[..., :1], 3, axis=2))
    )


def test_outputs_are_the_networks(network):
    """Logits and rows equal those of `apply`, for one image and for more than a batch."""
    many = [np.roll(IMAGE, i, axis=0) for i in range(35)]
    x = np.concatenate([network.preprocess(image) for image in many])
    out = network.model.apply(network.variables, x, endpoints=True)
    for images, n in ((many, 35), (np.stack(many), 35), (many[0], 1)):
        for found, want in (
            (network.logits(images), out.logits),
            (network.features(images), out.endpoints["pool"]),
            (network.features(images, "conv2"), out.endpoints["conv2"]),
        ):
            assert isinstance(found, np.ndarray) and len(found) == n
            np.testing.assert_allclose(found, want[:n], rtol=1e-4, atol=1e-5)


def test_classes_are_of_the_mean_over_views(network):
    """Sorted, with the probabilities of both views; `top` of them."""
    ((first, *rest),) = network.predict(IMAGE, top=3)
    logits = network.logits([IMAGE, np.ascontiguousarray(IMAGE[:, 7::-1])])
    p = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).mean(axis=0)
    assert first == ("abcde"[p.argmax()], pytest.approx(p.max(), rel=1e-4)) and len(rest) == 2
    assert len(network.predict([IMAGE] * 3)[2]) == 5


WRONG = {
    "grey": (IMAGE[..., 0], "grey: "),
    "alpha": (np.zeros((9, 9, 4), np.uint8), "alpha"),
    "torch": (np.zeros((3, 9, 9), np.uint8), "channels first"),
    "float": (IMAGE / 255, "uint8, got float64"),
    "none": ([], "at least one image"),
    "no file": ("nowhere.png", "nowhere.png: expected an image file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_image(network, case):
    """Each message has what to change."""
    images, message = WRONG[case]
    with pytest.raises(ConfigError, match=message):
        network.logits(images)
    with pytest.raises(ConfigError, match="top=0"):
        network.predict(IMAGE, top=0)


def test_unreadable_files(network, tmp_path):
    """A torn file is named, also where only its pixels are."""
    for name, data in (("a.jpg", b"torn"), ("b.png", encoded(gradient(99, 99), ".png")[:200])):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(DataError, match=f"{name}: "):
            network.predict([IMAGE, path])


def test_other_channels_and_dtypes(tmp_path):
    """Arrays of a run's own channels, from memory and files; a grey one takes colours' luma."""
    kind = FileKind("arrays", 2, "uint16")
    pixels = np.arange(9 * 9 * 2, dtype=np.uint16).reshape(9, 9, 2)
    np.save(tmp_path / "a.npy", pixels)
    for image in (pixels, tmp_path / "a.npy", (tmp_path / "a.npy").read_bytes()):
        np.testing.assert_array_equal(picture(image, kind).whole(), pixels)
    with pytest.raises(ConfigError, match=r"uint16 \[height, width, 2\], got Image"):
        picture(Image.fromarray(IMAGE), kind)
    with pytest.raises(ConfigError, match="expected an image in uint16, got uint8"):
        picture(IMAGE, kind)
    grey = FileKind(channels=1)
    (tmp_path / "a.png").write_bytes(encoded(IMAGE, ".png"))
    found = picture(Image.fromarray(IMAGE), grey).whole()
    assert found.shape == (9, 12, 1)
    assert abs(found.astype(int) - picture(tmp_path / "a.png", grey).whole()).max() <= 1


def test_unknown_rows_and_a_network_without_classes(network):
    """The rows are listed; `predict` and `logits` need a classifier."""
    with pytest.raises(ConfigError, match=r"mixed_7c.*conv2.*pool"):
        network.features(IMAGE, "mixed_7c")
    model = tiny.Tiny(num_classes=0)
    bare = TrainedNetwork(model, models.init(model), [], crop, network.views)
    assert bare.features(IMAGE).shape == (1, 16) and "0 classes" in repr(bare)
    for use in (bare.predict, bare.logits):
        with pytest.raises(ConfigError, match="no classifier"):
            use(IMAGE)
