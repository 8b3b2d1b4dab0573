"""Tests `inception_jax/train/losses.py`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax import models
from inception_jax.models import Output
from inception_jax.train.losses import cross_entropy, l2, objective
from tests.tiny import Tiny
from tests.train.steps import random_like


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_label_smoothing_by_hand(smoothing):
    """Cross-entropy with q = (1 - s) on the label + s / K everywhere (1512.00567, section 7)."""
    logits = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    labels = np.array([0, 1, 2, 3, 1])
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    q = np.full((5, 4), smoothing / 4)
    q[np.arange(5), labels] += 1 - smoothing
    want = -(q * np.log(p)).sum(-1)
    got = cross_entropy(jnp.asarray(logits), jnp.asarray(labels), smoothing)
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_each_auxiliary_head_counts_its_weight():
    """Two heads at 0.3: total = main + 0.3 first + 0.3 second + l2."""
    keys = jax.random.split(jax.random.key(0), 3)
    main, first, second = (jax.random.normal(k, (6, 10)) for k in keys)
    labels = jnp.arange(6)
    out = Output(main, {"a": first, "b": second}, {})
    params = {"logits": {"kernel": jnp.ones((2, 3)), "bias": jnp.full(3, 9.0)}}
    total, terms = objective(out, labels, params, smoothing=0.1, aux_weight=0.3, weight_of_l2=0.5)
    want = (
        cross_entropy(main, labels, 0.1).mean()
        + 0.3 * cross_entropy(first, labels, 0.1).mean()
        + 0.3 * cross_entropy(second, labels, 0.1).mean()
        + 0.5 * 3.0
    )
    assert jnp.allclose(total, want)
    assert set(terms) == {"loss", "cross_entropy", "loss_a", "loss_b"}


def test_l2_acts_on_kernels_only():
    """The L2 gradient is the kernel itself, and zero on every bias, beta and gamma."""
    image = jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    shapes = jax.eval_shape(Tiny().init, jax.random.key(0), image)["params"]
    params = jax.tree.map(lambda x: x + 0.5, random_like(shapes))
    seen = set()
    for path, grad in jax.tree_util.tree_leaves_with_path(jax.grad(l2)(params)):
        leaf = params
        for key in path:
            leaf = leaf[key.key]
        seen.add(path[-1].key)
        assert jnp.allclose(grad, leaf if path[-1].key == "kernel" else 0.0)
    assert seen == {"kernel", "bias", "scale"}


def test_l2_on_biases_leaves_batch_norm_alone():
    """Where slim regularises biases, they are those of layers with kernels, and no beta."""
    params = {
        "up": {"kernel": jnp.ones((2, 2)), "bias": jnp.full((3,), 2.0)},
        "conv": {"kernel": jnp.ones((2,)), "BatchNorm_0": {"bias": jnp.full((5,), 7.0)}},
    }
    assert float(l2(params)) == 0.5 * (4 + 2)
    assert float(l2(params, biases=True)) == 0.5 * (4 + 12 + 2)
    assert float(l2(params, without=list(params)[:1])) < float(l2(params))
    assert models.create("inception_resnet_v2", dialect="slim").switches.l2_biases
