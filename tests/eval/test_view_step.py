"""Tests `inception_jax/eval/view_step.py`: weighted means of the softmax over views."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.eval import view_step
from inception_jax.runtime import mesh as meshes


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
    log = view_step.log_mean(jax.device_get(sums))
    chosen = logits[:, columns] if columns is not None else logits
    p = np.exp(chosen.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    expected = [np.log(weight[owner == i] @ p[owner == i]) for i in (0, 1)]
    np.testing.assert_allclose(log, expected, rtol=1e-5)
