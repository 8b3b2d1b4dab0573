"""Tests `inception_jax/models/bn_inception.py`: the dialects' own layers."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest

from inception_jax import models
from inception_jax.models import bn_inception
from tests.models.small import with_rows


def branches(dialect, row):
    model = with_rows("bn_inception", dialect, [row], width=1.0)
    return models.describe(model).rows[0].branches


def test_channels_after_the_pool():
    """128 in the paper, 96 in TF-slim, after 4c's pool."""
    assert branches("paper", "inception_4c")[-1][-1] == "1x1 128"
    assert branches("slim", "inception_4c")[-1][-1] == "1x1 96"


def test_the_pools_kind():
    """The maximum in 5b, averages elsewhere."""
    assert branches("paper", "inception_5b")[-1][0] == "max 3x3"
    assert branches("paper", "inception_5a")[-1][0] == "avg 3x3"


def test_a_separable_first_convolution():
    """TF-slim's conv1 is a 7x7 of depth multiplier 8, then a 1x1 without BatchNorm."""
    model = models.create("bn_inception", dialect="slim", drop_rows=rows_but("conv1"))
    row = models.describe(model).rows[0]
    assert row.branches == (("separable 7x7/2 64",),)
    assert row.params == 7 * 7 * 3 * 8 + 3 * 8 * 64 + 64


def stddev(init, fan_in=64):
    return float(init(jax.random.key(0), (1, 1, fan_in, 512)).std())


def test_slims_initial_values():
    """TensorFlow's truncated normals have 0.88 of their stddev: 1.0, 0.1, 0.09; and He's."""
    model = models.create("bn_inception", dialect="slim")
    module = bn_inception.BNInceptionModule(model.conv(False), bn_inception.FIGURE_5["3b"])
    (one,), (reduce, three), (reduce_d, *_), (_, pool) = module.bind({}).branch
    assert one.kernel_init is three.kernel_init is None  # the dialect's
    assert stddev(model.switches.kernel_init) == pytest.approx((2 / 64) ** 0.5, rel=0.02)
    for layer, std in ((reduce, 0.0792), (reduce_d, 0.0792), (pool, 0.088)):
        assert stddev(layer.kernel_init) == pytest.approx(std, rel=0.02)
    halving = bn_inception.Reduction(model.conv(False), bn_inception.FIGURE_5["3c"])
    assert stddev(halving.bind({}).branch[0][0].kernel_init) == pytest.approx(0.0792, rel=0.02)

    def conv(*args, kernel_init, name):
        assert stddev(kernel_init) == pytest.approx(0.088, rel=0.02)
        return lambda x, defer: x

    bn_inception.conv2_reduce(model, partial(conv), jnp.zeros((1, 1, 1, 64)), "conv2_reduce")


def test_slims_first_convolution_starts_large(monkeypatch):
    """Both of its kernels."""
    model, seen = models.create("bn_inception", dialect="slim"), []

    def separable(conv, *args, **fields):
        seen.append(conv.keywords["dialect"].kernel_init)
        return lambda x: x

    monkeypatch.setattr(bn_inception, "SeparableConv", separable)
    bn_inception.conv1(model, model.conv(False), jnp.zeros((1, 8, 8, 3)), "conv1")
    assert stddev(seen[0]) == pytest.approx(0.88, rel=0.02)


def test_l2_leaves_slims_first_convolution_alone():
    """It is outside slim's scope; a small stem's plain convolution is ours."""
    create = partial(models.create, "bn_inception")
    assert create(dialect="slim").without_l2 == ("conv1",)
    assert create(dialect="slim", stem="small").without_l2 == create().without_l2 == ()


def rows_but(name):
    return tuple(r.name for r in models.create("bn_inception").rows() if r.name != name)
