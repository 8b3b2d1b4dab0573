"""Tests `inception_jax/train/augmentation.py`: what the step does to a batch, and the order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.data.images import distort, erase, mix
from inception_jax.models import preprocess
from inception_jax.train import augmentation
from tests.tiny import Tiny, batch
from tests.train.steps import augmenting

pytestmark = pytest.mark.usefixtures("quick_compiler")
MODEL = Tiny()


def augmented(rows, step=0, **options):
    """The batch that a step's network gets."""
    return jax.device_get(jax.jit(augmenting(MODEL, **options))(rows, step))


def numbered(count, epoch):
    """A batch of the examples 0 to `count` - 1 in an epoch."""
    index = np.arange(count, dtype=np.int32)
    return {**batch(count), "index": index, "epoch": np.full(count, epoch, np.int32)}


def test_off_is_the_networks_input():
    """Without mirror and colours the images are as in evaluation."""
    rows = batch(8)
    found = augmented(rows, flip=False)
    np.testing.assert_allclose(found["image"], preprocess.as_input(rows["image"], MODEL), rtol=1e-6)
    np.testing.assert_array_equal(found["label"], rows["label"])


@pytest.fixture
def uniform(monkeypatch):
    """Shares are uniform, which compiles in less time than Beta."""

    def shares(key, count, section):
        keys = jax.random.split(key)
        return jax.random.uniform(keys[0], (count,)), jax.random.bernoulli(keys[1], 0.5, (count,))

    monkeypatch.setattr(mix, "shares", shares)


@pytest.mark.parametrize("colour", ["none", "fast"])
def test_the_order_is_timms(uniform, colour):
    """Mirror and colours, mixing, normalisation, erasing; each by its own key of (seed, step)."""
    rows, section = batch(16), dict(mixup=0.4, cutmix=1.0, mix_per="image", erasing=0.5)
    found = augmented(rows, 5, colour=colour, seed=2, **section)
    a = augmenting(MODEL, **section).keywords["section"]

    @jax.jit
    def expected(images, labels):
        x = images.astype(jnp.float32) / 255
        x = distort.augment(x, distort.image_keys(2, 5, 16), flip=True, colour=colour)
        x, labels = mix.mix(x, labels, distort.step_key(2, 5, distort.MIX), a, jnp.float32)
        x = preprocess.normalised(x, MODEL)
        return erase.erase(x, distort.step_key(2, 5, distort.ERASE), 0.5, "const"), labels

    x, labels = expected(rows["image"], rows["label"])
    np.testing.assert_allclose(found["image"], x, atol=1e-5)
    for got, want in zip(found["label"], labels, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)
    assert (found["image"] == 0).all(-1).any()


def test_erasing_alone():
    """Erased images are else as in evaluation; the label stays."""
    rows = batch(32)
    found = augmented(rows, flip=False, erasing=1.0, erasing_fill="pixel")
    same = (found["image"] == augmented(rows, flip=False)["image"]).all(-1)
    assert 0 < (~same).sum() < same.size and (~same).any((1, 2)).mean() > 0.8
    np.testing.assert_array_equal(found["label"], rows["label"])


def mirrored(count, epoch, **options):
    """Which examples are mirrored in an epoch."""
    rows = numbered(count, epoch)
    options = dict(flips="alternating", **options)
    found = augmented(rows, **options)["image"]
    plain = np.asarray(preprocess.as_input(rows["image"], MODEL))
    same = np.isclose(found, plain, atol=1e-6).all((1, 2, 3))
    assert (same ^ np.isclose(found, plain[:, :, ::-1], atol=1e-6).all((1, 2, 3))).all()
    return ~same


def test_flips_alternate():
    """Half of the examples in the first epoch, the other half in the next, and so on."""
    first, *others = (mirrored(2000, epoch) for epoch in range(4))
    assert abs(first.mean() - 0.5) < 4 * (0.25 / 2000) ** 0.5
    for epoch, other in enumerate(others, 1):
        np.testing.assert_array_equal(other, first ^ (epoch % 2 == 1))
    assert 0.4 < (first ^ mirrored(2000, 0, seed=4)).mean() < 0.6


def test_an_alternating_flip_is_the_examples():
    """It depends on the example, not on the step, the position or the rest of the batch."""
    rows = numbered(16, 1)
    order = np.random.default_rng(0).permutation(16)
    turned = {k: v[order] for k, v in rows.items()}
    first = augmented(rows, 3, flips="alternating")["image"]
    second = augmented(turned, 9, flips="alternating")["image"]
    np.testing.assert_array_equal(first[order], second)


def test_inputs():
    """The step gets the examples' numbers only where flips alternate."""
    read = [augmenting(MODEL, flips=f).keywords["section"] for f in ("random", "alternating")]
    assert [augmentation.inputs(s) for s in read] == [
        ("image", "label"), ("image", "label", "index", "epoch"),
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("options", [{}, {"mixup": 0.4, "cutmix": 1.0}], ids=["", "mixed"])
def test_wide_numbers_are_scaled_by_the_statistics(uniform, dtype, options):
    """(x - mean) / std of each channel, never cut at 255; mirrored or mixed before."""
    model = Tiny(channels=2, mean=(30_000.0, 5.0), std=(10_000.0, 2.0))
    rng = np.random.default_rng(0)
    rows = batch(4) | {"image": (rng.random((4, 8, 8, 2)) * 60_000).astype(dtype)}
    found = jax.device_get(jax.jit(augmenting(model, **options))(rows, 3))["image"]
    low, high = (rows["image"].min() - 5.0) / 2, (rows["image"].max() - 5.0) / 2
    assert low - 1 <= found[..., 1].min() < found[..., 1].max() <= high * 1.001
    if not options:
        x = (rows["image"] - np.array(model.mean)) / np.array(model.std)
        for image, one in zip(found, x, strict=True):
            assert min(np.abs(image - y).max() for y in (one, one[:, ::-1])) < 0.01
