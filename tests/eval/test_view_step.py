"""Tests `inception_jax/eval/view_step.py`: weighted means of the softmax over views."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.eval import view_step
from inception_jax.models import preprocess
from inception_jax.runtime import mesh as meshes
from tests.tiny import Tiny, batch
from tests.train.steps import random_like

pytestmark = pytest.mark.usefixtures("quick_compiler")


class Logits:
    """A network whose logits are given: 4 classes."""

    num_classes = 4


@pytest.mark.parametrize("columns", [None, np.array([2, 0])])
def test_means_over_owners(columns, monkeypatch):
    """Views in two pieces, with weights; a class of probability e^-200 keeps its logarithm."""
    logits = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    logits[:3, 0] = -200
    monkeypatch.setattr(view_step, "predict", lambda model, variables, images: variables[images])
    start, step = view_step.make_view_step(Logits(), meshes.make(1, 1), 2, columns)
    owner, weight = np.array([0, 0, 1, 1, 0, 1], np.int32), np.float32([0.5, 0.5, 0.25, 0.75, 0, 0])
    sums = start()
    for rows in (slice(0, 3), slice(3, 6)):
        views = {"image": jnp.arange(6)[rows], "owner": owner[rows], "weight": weight[rows]}
        sums = step(logits, sums, views)
    log = view_step.outputs(jax.device_get(sums))
    chosen = logits[:, columns] if columns is not None else logits
    p = np.exp(chosen.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    expected = [np.log(weight[owner == i] @ p[owner == i]) for i in (0, 1)]
    np.testing.assert_allclose(log, expected, rtol=1e-5)


def weights():
    """Random weights of the tiny network."""
    image = jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    return random_like(jax.eval_shape(Tiny().init, jax.random.key(0), image))


def views_of(variables, rows, images, devices=8, columns=None):
    """Log-probabilities [images, c] by the view step, its rows split into batches of 16."""
    mesh = meshes.make(devices)
    start, run = view_step.make_view_step(Tiny(), mesh, images, columns)
    sums = start()
    for at in range(0, len(rows["weight"]), 16):
        piece = {k: v[at : at + 16] for k, v in rows.items()}
        sums = run(variables, sums, meshes.put(piece, meshes.batch(mesh)))
    return view_step.outputs(jax.device_get(sums))


@pytest.mark.parametrize("devices", [1, 8])
def test_view_step_is_the_weighted_mean_of_softmax(devices):
    """Views of 3 images in any order and pieces: NumPy's weighted mean of each one's softmax."""
    rng, columns = np.random.default_rng(0), np.array([9, 0, 3])
    rows = {
        "image": batch(48)["image"],
        "weight": rng.uniform(0, 1, 48).astype(np.float32) * (rng.uniform(size=48) > 0.3),
        "owner": rng.integers(0, 3, 48).astype(np.int32),
    }
    variables = weights()
    variables = jax.tree.map(lambda x: x * 3, variables)  # logits differ by 100 and more
    logits = np.asarray(preprocess.predict(Tiny(), variables, rows["image"]), np.float64)
    result = views_of(variables, rows, 3, devices, columns)
    p = np.exp(logits[:, columns] - logits[:, columns].max(1, keepdims=True))
    p *= (rows["weight"] / p.sum(1))[:, None]
    for image in range(3):
        expected = np.log(p[rows["owner"] == image].sum(0))
        np.testing.assert_allclose(result[image], expected, rtol=1e-5, atol=1e-5)


def test_one_view_keeps_the_order_of_the_smallest_logits():
    """Probabilities below float32's range keep their order: one view is its log-softmax.

    Another view of the image, which weighs nothing, changes nothing.
    """
    variables = weights()
    kernel = variables["params"]["logits"]["kernel"] * 1e4
    variables["params"]["logits"]["kernel"] = kernel
    weight = np.tile(np.array([1, 0], np.float32), 8)
    rows = {"weight": weight, "owner": np.arange(16, dtype=np.int32) // 2}
    rows["image"] = batch(16)["image"]
    result = views_of(variables, rows, 8)
    logits = np.asarray(preprocess.predict(Tiny(), variables, rows["image"]))[::2]
    assert result.min() < -200 and np.isfinite(result).all()
    assert (np.argsort(result, axis=1) == np.argsort(logits, axis=1)).all()
