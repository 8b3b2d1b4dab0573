"""Tests `inception_jax/models/stochastic_depth.py`: rates, and what is dropped."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from inception_jax import models
from inception_jax.models import stochastic_depth
from inception_jax.models.lowering import ops
from tests.models.lowering.gradients import example, farthest, gradient
from tests.models.small import small, with_rows
from tests.tiny import TinyResidual

IMAGES = 4000
SIGMAS = 5


class Dropped(nn.Module):
    """A function of this file as a module, for its random key."""

    def __call__(self, function, x, rate, train=True):
        """Apply it."""
        return function(self, x, rate, train)


def dropped(function, x, rate, train=True, seed=0):
    return Dropped().apply({}, function, x, rate, train, rngs={"dropout": jax.random.key(seed)})


def forward(model, variables, x, train):
    out, _ = model.apply(
        variables, x, train=train, mutable=["batch_stats"], rngs={"dropout": jax.random.key(1)}
    )
    return out.logits


def drop_path(x, rate, **more):
    return np.asarray(dropped(stochastic_depth.drop_path, jnp.asarray(x), rate, **more))


@pytest.mark.parametrize(
    ("name", "dialect", "count"),
    [("inception_resnet_v2", "slim", 40), ("inception_resnet_v2", "paper", 20),
     ("inception_resnet_v1", "facenet", 21), ("xception", "", 12)],
)  # fmt: skip
def test_rates_rise_with_depth(name, dialect, count):
    """From 0 at the first module to `drop_path` at the last, over all rows of the network."""
    rows = models.create(name, dialect=dialect).rows()
    found = [r for row in rows for r in stochastic_depth.rates(rows, row.name, 0.3)]
    np.testing.assert_allclose(found, np.linspace(0, 0.3, count), rtol=1e-12)


def test_a_module_has_its_rate():
    """The modules that the network builds have the rates, each its own, dropped rows uncounted."""
    model = small("xception", drop_path=0.3, drop_rows=tuple(f"block_{i}" for i in range(4, 12)))
    images, found = jnp.zeros((1, 32, 32, 3)), []

    def record(next_fun, args, kwargs, context):
        if context.method_name == "__call__" and hasattr(context.module, "drop"):
            found.append(context.module.drop)
        return next_fun(*args, **kwargs)

    with nn.intercept_methods(record):
        jax.eval_shape(lambda: model.init(jax.random.key(0), images))
        assert found == pytest.approx([0, 0.1, 0.2, 0.3])
        found.clear()
        residual = TinyResidual(drop_path=0.4)
        jax.eval_shape(lambda: residual.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3))))
        assert found == pytest.approx([0, 0.2, 0.4])


def test_a_share_of_the_images_has_no_branch():
    """Of each image all or nothing, scaled by 1 / (1 - rate); evaluation and rate 0 change none."""
    x = jnp.asarray(np.random.default_rng(0).uniform(1, 2, (IMAGES, 2, 2, 3)), jnp.float32)
    y = drop_path(x, 0.3)
    keep = y.any(axis=(1, 2, 3))
    np.testing.assert_allclose(y[keep], np.asarray(x)[keep] / 0.7, rtol=1e-6)
    assert not y[~keep].any()
    assert abs(keep.mean() - 0.7) < SIGMAS * (0.21 / IMAGES) ** 0.5
    assert drop_path(x, 0.0) is not None and (drop_path(x, 0.0) == x).all()
    assert (drop_path(x, 0.3, train=False) == x).all()
    assert (drop_path(x, 0.3, seed=1).any(axis=(1, 2, 3)) != keep).any()


def test_it_depends_on_the_places_of_the_images():
    """Images 8 to 15 of a batch of 16 are dropped as in the whole batch."""
    x = jnp.ones((16, 1, 1, 1))
    with ops.places_in_batch(jnp.arange(8, 16)):
        part = drop_path(x[8:], 0.5)
    np.testing.assert_array_equal(part, drop_path(x, 0.5)[8:])


@pytest.mark.parametrize(("n", "rate"), [(3, 0.5), (4, 0.1), (2, 0.9)])
def test_every_image_keeps_a_branch(n, rate):
    """Each branch is kept as often as computed, at least one of an image's, and its mean stays."""
    xs = [jnp.full((IMAGES, 1, 1, i + 1), i + 1.0) for i in range(n)]
    ys = dropped(stochastic_depth.drop_branches, xs, rate)
    keep = np.stack([np.asarray(y)[:, 0, 0, 0] > 0 for y in ys], axis=1)
    share = 1 - rate + rate**n / n
    assert keep.any(axis=1).all() and not keep.all()
    bound = SIGMAS * (share * (1 - share) / IMAGES) ** 0.5
    np.testing.assert_allclose(keep.mean(axis=0), share, atol=bound)
    np.testing.assert_allclose([np.asarray(y).max() for y in ys], np.arange(1, n + 1) / share)
    one = dropped(stochastic_depth.drop_branches, xs[:1], rate)
    assert one[0] is xs[0]


@pytest.mark.slow
def test_in_a_network(quick_compiler):
    """Training leaves branches out; evaluation has every module."""
    with jax.enable_x64(True):
        nets = [example(TinyResidual(drop_path=rate), size=8) for rate in (0.6, 0.0)]
        for train in (True, False):
            found, plain = (jax.jit(partial(forward, m, x=x, train=train))(v) for m, v, x in nets)
            assert (abs(found - plain).max() > 1e-3) == train


@pytest.mark.slow
def test_what_is_recomputed_drops_the_same(quick_compiler):
    """`lean` and `rows` give the gradients of `none`, in float64 to 1e-12."""
    with jax.enable_x64(True):
        network = example(TinyResidual(drop_path=0.6), size=8)
        want = gradient(*network)
        for policy in ("lean", "rows"):
            assert farthest(gradient(*network, policy), want) < 1e-12, policy


def test_branches_in_a_network(quick_compiler):
    """The branches of a module are zero together with all of their channels."""
    model = with_rows("googlenet", "batchnorm", ["inception_3a"], aux=False, drop_branch=0.4)
    images = jax.random.normal(jax.random.key(1), (32, 8, 8, 3))

    @jax.jit
    def outputs(variables):
        out, _ = model.apply(
            variables, images, train=True, mutable=["batch_stats"], endpoints=True,
            rngs={"dropout": jax.random.key(2)},
        )  # fmt: skip
        return out.endpoints["inception_3a"]

    found = np.asarray(outputs(models.init(model, 0, 8)))
    edges = np.cumsum([0, 8, 16, 8, 8])
    kept = np.stack([found[..., a:b].any(axis=(1, 2, 3)) for a, b in pairwise(edges)])
    assert found.shape[-1] == edges[-1] and kept.any(axis=0).all()
    assert 0.3 < kept.mean() < 0.9


def test_refused():
    """The other kind of network's key, with the key to set; and rates that are none."""
    with pytest.raises(ValueError, match=r"drop_path: no module of googlenet.*xception.*drop_br"):
        models.create("googlenet", drop_path=0.1)
    with pytest.raises(ValueError, match=r"drop_branch: expected 0.*xception.*set drop_path"):
        models.create("xception", drop_branch=0.1)
    with pytest.raises(ValueError, match=r"drop_path=1.0: expected a rate from 0 to below 1"):
        models.create("xception", drop_path=1.0)
