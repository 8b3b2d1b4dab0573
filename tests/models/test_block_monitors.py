"""Tests `inception_jax/models/block_monitors.py`: values against NumPy, no cost when off."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax import models
from inception_jax.models import block_monitors
from inception_jax.models.lowering import forms
from inception_jax.runtime import xla_options
from tests.models.small import KEYS, traced, with_rows
from tests.tiny import Tiny, TinyResidual

pytestmark = pytest.mark.usefixtures("quick_compiler")


def monitored(model, variables, images, **options):
    """The monitors of a training pass by kind, and the end-points."""
    asked = {
        "mutable": ["batch_stats", block_monitors.COLLECTION],
        "train": True,
        "endpoints": True,
    }
    keys = {"dropout": jax.random.key(0)}
    apply = lambda v, x: model.apply(v, x, rngs=keys, **asked)  # noqa: E731
    out, new = jax.jit(apply, compiler_options=xla_options.once())(variables, images)
    return jax.device_get(block_monitors.by_kind(new[block_monitors.COLLECTION])), jax.device_get(
        out.endpoints
    )


def silent(x):
    """The share of channels of x [b, h, w, c] that are nowhere other than 0."""
    return (x == 0).all((0, 1, 2)).mean()


QUICK = ("inception_v3", "inception_resnet_v1", "xception")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in models.names()]
)
def test_every_block_records(name):
    """In every network all rows with layers record one kind or both, each repeat by itself."""
    model, _, variables = traced(name)
    image, collections = jnp.zeros((2, 32, 32, 3)), ["batch_stats", block_monitors.COLLECTION]
    apply = lambda v: model.apply(v, image, train=True, rngs=KEYS, mutable=collections)  # noqa: E731
    with forms.without("platform"):
        _, new = jax.eval_shape(apply, variables)
    assert set(variables) <= {"params", "batch_stats"}  # initialisation records nothing
    found = block_monitors.by_kind(new[block_monitors.COLLECTION])
    rows = {r.name: variables["params"].get(r.name) for r in model.rows()}
    expected = {name for name, _ in block_monitors.blocks({k: v for k, v in rows.items() if v})}
    assert set(found[block_monitors.DEAD]) | set(found[block_monitors.RATIO]) == expected
    residual = name in ("inception_resnet_v1", "inception_resnet_v2", "xception")
    assert bool(found[block_monitors.RATIO]) == residual
    plain = {"block8_last"} if name == "inception_resnet_v2" else set()
    plain = {f"block_{i}" for i in (1, 2, 3, 11, 12)} if name == "xception" else plain
    assert (
        set(found[block_monitors.RATIO]) - set(found[block_monitors.DEAD]) == plain
    )  # no ReLU ends these


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("googlenet", ["conv1", "pool1", "inception_3a"]),
        ("xception", ["conv_1", "block_1", "block_2", "conv_3"]),
    ],
)
def test_dead_channels_are_those_of_the_end_points(name, rows):
    """Rows that record dead channels end in a ReLU, and record what NumPy counts there."""
    model = with_rows(name, "", rows)
    images = jax.random.normal(jax.random.key(1), (2, 16, 16, 3))
    found, ends = monitored(model, models.init(model, image_size=16), images)
    for row, share in found[block_monitors.DEAD].items():
        assert ends[row].min() >= 0, row
        np.testing.assert_allclose(share, silent(ends[row]), atol=1e-6)
    for row in set(found[block_monitors.RATIO]) - set(found[block_monitors.DEAD]):
        assert ends[row].min() < 0, row


def test_numbers_are_those_of_the_definitions():
    """Ratio and dead share of each residual module equal what NumPy makes of its parts."""
    model = TinyResidual()
    images = jax.random.normal(jax.random.key(1), (4, 8, 8, 3))
    variables = model.init(jax.random.key(0), images)
    # Half the channels die at the second module: its 1x1 takes them below zero.
    up = variables["params"]["block"]["2"]["up"]
    up["bias"] = up["bias"].at[:4].set(-1e3)
    found, ends = monitored(model, variables, images)
    assert list(found[block_monitors.RATIO]) == ["block_1", "block_2", "last"]
    assert sorted(found[block_monitors.DEAD]) == ["block_1", "block_2", "conv1"]
    assert found[block_monitors.DEAD]["block_2"] == 0.5
    backbone = ends["block"]
    added = (ends["last"] - backbone).astype(np.float64)
    expected = np.sqrt((added**2).mean() / (backbone.astype(np.float64) ** 2).mean())
    np.testing.assert_allclose(found[block_monitors.RATIO]["last"], expected, rtol=1e-5)


def test_a_backbone_of_zeros_has_a_finite_ratio():
    """What is added to nothing has a large ratio, nothing to nothing 0, and NaN is not dead."""

    class Both(Tiny):
        def table(self):
            return ()

        def __call__(self, x, **_):
            block_monitors.residual(self, x, x * 0)
            block_monitors.rectified(self, x)

    def of(x):
        return Both().apply({}, x, mutable=[block_monitors.COLLECTION])[1][
            block_monitors.COLLECTION
        ]

    assert 1e11 < of(jnp.ones((1, 2, 2, 3)))[block_monitors.RATIO] < np.inf
    assert of(jnp.zeros((1, 2, 2, 3))) == {block_monitors.RATIO: 0, block_monitors.DEAD: 1}
    one = jnp.zeros((2, 2, 2, 4)).at[1, 0, 1, 2].set(1)
    assert of(one)[block_monitors.DEAD] == 0.75
    assert of(one.at[0, 0, 0, 0].set(jnp.nan))[block_monitors.DEAD] == 0.5
