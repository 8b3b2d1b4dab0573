"""Tests `inception_jax/train/losses.py`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax import models
from inception_jax.data.images.mix import MixedLabels
from inception_jax.models import Output
from inception_jax.train.losses import (
    absolute_error,
    binary_cross_entropy,
    cross_entropy,
    distillation,
    hits,
    huber,
    l2,
    objective,
    running,
    squared_error,
    targets,
)
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
    assert set(terms) == {"loss", "cross_entropy", "loss_a", "loss_b", "nll", "top1", "top5"}


def test_distillation_by_hand():
    """T^2 KL(teacher || student) at T = 3; zero for equal logits, and a share of the main term.

    Its gradient is T (softmax(student / T) - softmax(teacher / T)) (1503.02531, equation 2).
    """
    rng = np.random.default_rng(0)
    student, teacher = (jnp.asarray(rng.normal(size=(5, 4)), jnp.float32) for _ in range(2))
    p, q = (np.exp(x / 3) / np.exp(x / 3).sum(-1, keepdims=True) for x in (student, teacher))
    found = distillation(student, teacher, 3.0)
    np.testing.assert_allclose(found, 9 * (q * np.log(q / p)).sum(-1), rtol=1e-4)
    slope = jax.grad(lambda x: distillation(x, teacher, 3.0).sum())(student)
    np.testing.assert_allclose(slope, 3 * (p - q), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(distillation(student, student, 3.0), 0, atol=1e-6)
    labels, options = jnp.arange(5) % 4, dict(smoothing=0.1, aux_weight=0.3, weight_of_l2=0.0)
    given = dict(teacher=teacher, teacher_weight=0.25, temperature=3.0)
    total, terms = objective(Output(student, {}, {}), labels, {}, **options, **given)
    np.testing.assert_allclose(
        total, 0.75 * terms["cross_entropy"] + 0.25 * terms["distillation"], rtol=1e-6
    )
    np.testing.assert_allclose(terms["distillation"], found.mean(), rtol=1e-6)


def test_l2_acts_on_kernels_only():
    """The L2 gradient is the kernel itself, and zero on every bias, beta and gamma."""
    image = jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    shapes = jax.eval_shape(Tiny().init, jax.random.key(0), image)["params"]
    params = jax.tree.map(lambda x: np.asarray(x) + np.float32(0.5), random_like(shapes))
    seen = set()
    for path, grad in jax.tree_util.tree_leaves_with_path(jax.jit(jax.grad(l2))(params)):
        leaf = params
        for key in path:
            leaf = leaf[key.key]
        seen.add(path[-1].key)
        np.testing.assert_allclose(grad, leaf if path[-1].key == "kernel" else 0.0)
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


def mixed(labels, others, share):
    """Labels of mixed images."""
    return MixedLabels(jnp.asarray(labels), jnp.asarray(others), jnp.asarray(share, jnp.float32))


def test_mixed_targets_by_hand():
    """The label's share and the rest on the other one, each smoothed; equal labels add up."""
    labels = mixed([0, 2], [1, 2], [0.75, 0.25])
    got = targets(jnp.zeros((2, 4)), labels, 0.2)
    want = 0.05 + 0.8 * np.array([[0.75, 0.25, 0, 0], [0, 0, 1, 0]])
    np.testing.assert_allclose(got, want, atol=1e-6)
    logits = jax.random.normal(jax.random.key(0), (2, 4))
    np.testing.assert_allclose(
        cross_entropy(logits, labels, 0.2), -(want * jax.nn.log_softmax(logits)).sum(-1), rtol=1e-5
    )


def test_share_one_is_the_plain_loss():
    """An image that is not mixed has the loss and the hits of its own label."""
    logits = jax.random.normal(jax.random.key(0), (6, 10))
    labels = jnp.arange(6)
    same = mixed(labels, labels[::-1], np.ones(6))
    for loss in (cross_entropy, binary_cross_entropy):
        np.testing.assert_allclose(loss(logits, same, 0.1), loss(logits, labels, 0.1), rtol=1e-6)
    assert hits(logits, same) == hits(logits, labels)


@pytest.mark.parametrize("threshold", [0.0, 0.2])
def test_binary_cross_entropy_by_hand(threshold):
    """The mean over classes of -t log p - (1 - t) log(1 - p), with t at 0 or 1 by a threshold."""
    logits = jnp.asarray([[2.0, -1.0, 0.5, -3.0]])
    labels = mixed([0], [2], [0.7])
    t = np.array([0.05 / 4 + 0.95 * w for w in (0.7, 0, 0.3, 0)])
    t = t if not threshold else np.array([1.0, 0, 1, 0])
    p = 1 / (1 + np.exp(-np.asarray(logits[0])))
    want = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()
    got = binary_cross_entropy(logits, labels, 0.05, threshold)
    np.testing.assert_allclose(got, [want], rtol=1e-5)


def test_hits_are_weighted_by_shares():
    """A hit of one label counts its share, in top-1 and in top-5."""
    logits = jnp.asarray([[9.0, 8, 7, 6, 5, 4, 3]] * 2)
    found = hits(logits, mixed([0, 6], [4, 1], [0.75, 0.4]))
    assert found["top1"] == pytest.approx(0.75 / 2)
    assert found["top5"] == pytest.approx((1 + 0.6) / 2)


def test_heads_have_the_same_loss_and_labels():
    """The term is named by the loss; an auxiliary head has the same soft labels."""
    keys = jax.random.split(jax.random.key(0), 2)
    main, head = (jax.random.normal(k, (6, 10)) for k in keys)
    labels = mixed(np.arange(6), np.arange(6)[::-1], np.linspace(0, 1, 6))
    total, terms = objective(
        Output(main, {"a": head}, {}), labels, {}, smoothing=0.1, aux_weight=0.3, weight_of_l2=0.0,
        name="binary_cross_entropy", threshold=0.2,
    )  # fmt: skip
    own, aux = (binary_cross_entropy(x, labels, 0.1, 0.2).mean() for x in (main, head))
    assert jnp.allclose(total, own + 0.3 * aux)
    assert set(terms) == {"loss", "binary_cross_entropy", "loss_a", "nll", "top1", "top5"}


def test_weights_are_factors_on_each_images_loss():
    """The mean over images of weight times loss, of heads too."""
    logits = jnp.asarray([[2.0, 0.0], [0.0, 1.0]])
    output = Output(logits, {"aux": 2 * logits}, {})
    labels, weight = jnp.asarray([0, 0]), jnp.asarray([3.0, 0.5])
    total, terms = objective(
        output, labels, {}, smoothing=0.0, aux_weight=0.3, weight_of_l2=0.0, weight=weight
    )
    expected = [(weight * cross_entropy(x, labels)).mean() for x in (logits, 2 * logits)]
    np.testing.assert_allclose(terms["cross_entropy"], expected[0], rtol=1e-6)
    np.testing.assert_allclose(total, expected[0] + 0.3 * expected[1], rtol=1e-6)


def test_targets_of_each_class_are_taken_as_they_are():
    """Binary cross-entropy with 0 and 1 for each class, by hand; mixed labels by their shares."""
    logits = jnp.asarray([[2.0, -1.0], [0.5, 3.0]])
    one, other = jnp.asarray([[1.0, 0.0], [1.0, 1.0]]), jnp.asarray([[1.0, 1.0], [0.0, 0.0]])
    p = jax.nn.sigmoid(logits)
    expected = -(one * jnp.log(p) + (1 - one) * jnp.log(1 - p)).mean(axis=1)
    assert jnp.allclose(binary_cross_entropy(logits, one), expected, rtol=1e-5)
    share = jnp.asarray([0.25, 1.0])
    both = 0.25 * binary_cross_entropy(logits, one) + 0.75 * binary_cross_entropy(logits, other)
    found = binary_cross_entropy(logits, MixedLabels(one, other, share))
    assert jnp.allclose(found, jnp.where(share < 1, both, expected), rtol=1e-5)
    found = running("binary_cross_entropy", logits, one)
    assert found["accuracy"] == 1.0 and jnp.allclose(found["nll"], expected.mean(), rtol=1e-5)


def test_losses_of_values_by_hand():
    """Squared, absolute and Huber's, means over the targets; R2 of standardised ones."""
    values, wanted = jnp.asarray([[3.0, 0.5]]), jnp.asarray([[1.0, 0.0]])
    assert squared_error(values, wanted) == (4 + 0.25) / 2
    assert absolute_error(values, wanted) == (2 + 0.5) / 2
    assert huber(values, wanted, 1.0) == (1.5 + 0.125) / 2
    assert running("huber", values, wanted) == {"r2": 1 - 2.125}
