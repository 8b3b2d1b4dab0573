"""Tests `inception_jax/train/whitening.py`: the kernel is of the data, and no step changes it."""

import jax
import numpy as np
import pytest

from inception_jax.data.sources.open import open_source
from inception_jax.errors import DataError
from inception_jax.models import whitening as layer
from inception_jax.train import trainer as trainers
from inception_jax.train import whitening
from inception_jax.train.program import Program
from tests.data import pictures
from tests.models.small import small
from tests.tiny import batch, digits


def config(**changes):
    """The digits with a whitened stem, few rows, and every decay there is."""
    every = [r.name for r in small("googlenet", "batchnorm", stem="whitened").rows()]
    drop = tuple(name for name in every if name not in ("whiten", "conv1"))
    stem = {"model__stem": "whitened", "model__dialect": "batchnorm", "model__drop_rows": drop}
    decays = {"optim__weight_decay": 0.5, "loss__l2": 0.1, "optim__name": "muon"}
    return digits(**{"model__aux": False, **stem, **decays, **changes})


def test_the_covariance_of_patches():
    """Equal to NumPy's of every 2x2 patch, to the rounding of the division."""
    images = [np.random.default_rng(i).integers(0, 256, (5, 7, 3), np.uint8) for i in range(3)]
    patches = [
        image[y : y + 2, x : x + 2].reshape(12)
        for image in images
        for y in range(4)
        for x in range(6)
    ]
    expected = np.cov(np.array(patches, np.float64).T, bias=True)
    np.testing.assert_allclose(whitening.covariance(iter(images)), expected, rtol=1e-9)


def test_images_that_cannot_be_whitened():
    """No image, or images of one colour, are refused."""
    with pytest.raises(DataError, match=r"could read none.*stem=small"):
        whitening.covariance(iter([]))
    with pytest.raises(DataError, match=r"one colour.*stem=small"):
        whitening.covariance(iter([np.full((4, 4, 3), 7, np.uint8)]))


def test_the_images_are_spread_over_the_split(monkeypatch):
    """Fixed places from the first image on; a broken one is left out."""
    monkeypatch.setattr(whitening, "IMAGES", 4)
    source = pictures.Pictures(12, bad=frozenset({3}))
    data = pictures.settings(image_size=8)
    assert len(list(whitening._images(source, data))) == 3
    assert source.read == [0, 3, 6, 9]


def test_other_stems_have_none():
    """No image is read."""
    assert whitening.arrays(None, None, small("googlenet")) == {}


def test_no_step_changes_the_kernel():
    """With decay, L2 and averages on, the kernel of the data is in the state, bit for bit."""
    trainer = trainers.build(config(ema__decay=0.9), jax.devices()[:1])
    (path, kernel), *rest = whitening.arrays(
        trainer.source, trainer.config.data, trainer.program.model
    ).items()
    assert path == "['params']['whiten']['kernel']" and not rest
    source = open_source(trainer.config.data, "train")
    np.testing.assert_array_equal(
        kernel, whitening.arrays(source, trainer.config.data, trainer.program.model)[path]
    )
    state = trainer.fresh_state(None)
    bias = np.asarray(state.params["whiten"]["bias"])
    for i in range(3):
        with jax.numpy_dtype_promotion("standard"):  # of optax's Adam, for the bias
            state, _ = trainer.program.train_step(state, batch(96, seed=i))
    for tree in (state.params, state.ema["params"]):
        np.testing.assert_array_equal(tree["whiten"]["kernel"], kernel)
        assert (np.asarray(tree["whiten"]["bias"]) != bias).any()
    assert kernel.shape == (2, 2, 3, layer.FILTERS)


def test_with_a_loss_scale():
    """The scale is the outermost state, where the step looks for it."""
    changes = {"model__dtype": "float16", "optim__loss_scale": 1024.0, "optim__name": "sgd"}
    program = Program(config(**changes), 1437, jax.devices()[:1])
    _, metrics = program.train_step.trace(program.empty_state, program.empty_batch).out_info
    assert "loss_scale" in metrics


def test_the_kernel_of_another_run_comes_first():
    """What `checkpoint.init` gives was trained with its own kernel."""
    trainer = trainers.build(config(), jax.devices()[:1])
    given = {"['params']['whiten']['kernel']": np.ones((2, 2, 3, 24), np.float32)}
    state = trainer.fresh_state(given)
    assert (np.asarray(state.params["whiten"]["kernel"]) == 1).all()
