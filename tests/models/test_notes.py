"""Tests `inception_jax/models/notes.py`: what blocks note, against NumPy, and that it is free."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax import compiler, models
from inception_jax.models import notes
from tests.tiny import Tiny, TinyResidual


def noted(model, variables, images, **options):
    """The notes of a training pass by kind, and the end-points."""
    asked = {"mutable": ["batch_stats", notes.COLLECTION], "train": True, "endpoints": True}
    keys = {"dropout": jax.random.key(0)}
    apply = lambda v, x: model.apply(v, x, rngs=keys, **asked)  # noqa: E731
    out, new = jax.jit(apply, compiler_options=compiler.once())(variables, images)
    return jax.device_get(notes.by_kind(new[notes.COLLECTION])), jax.device_get(out.endpoints)


def silent(x):
    """The share of channels of x [b, h, w, c] that are nowhere other than 0."""
    return (x == 0).all((0, 1, 2)).mean()


def shapes(model, mutable):
    """A network's variables and what a training pass changes, by shape."""
    images = jnp.zeros((2, 32, 32, 3))
    keys = {"dropout": jax.random.key(0)}
    variables = jax.eval_shape(lambda: models.init(model))
    apply = lambda v: model.apply(v, images, train=True, rngs=keys, mutable=mutable)  # noqa: E731
    return variables, jax.eval_shape(apply, variables)[1]


@pytest.mark.parametrize("name", models.names())
def test_every_block_notes(name):
    """In every network all rows with layers note one kind or both, each repeat by itself."""
    model = models.create(name, width=0.125, stem="small", num_classes=10)
    variables, new = shapes(model, ["batch_stats", notes.COLLECTION])
    assert set(variables) <= {"params", "batch_stats"}  # initialisation notes nothing
    found = notes.by_kind(new[notes.COLLECTION])
    rows = {r.name: variables["params"].get(r.name) for r in model.rows()}
    expected = {name for name, _ in notes.blocks({k: v for k, v in rows.items() if v})}
    assert set(found[notes.DEAD]) | set(found[notes.RATIO]) == expected
    residual = name in ("inception_resnet_v1", "inception_resnet_v2", "xception")
    assert bool(found[notes.RATIO]) == residual
    plain = {"block8_last"} if name == "inception_resnet_v2" else set()
    plain = {f"block_{i}" for i in range(1, 13)} if name == "xception" else plain
    assert set(found[notes.RATIO]) - set(found[notes.DEAD]) == plain  # no ReLU ends these


@pytest.mark.parametrize("name", ["googlenet", "xception"])
def test_dead_channels_are_those_of_the_end_points(name):
    """The rows that note dead channels end in a ReLU, and note what NumPy counts there."""
    model = models.create(name, width=0.125, stem="small", num_classes=10)
    images = jax.random.normal(jax.random.key(1), (2, 32, 32, 3))
    found, ends = noted(model, models.init(model), images)
    for row, share in found[notes.DEAD].items():
        assert ends[row].min() >= 0, row
        np.testing.assert_allclose(share, silent(ends[row]), atol=1e-6)
    for row in set(found[notes.RATIO]) - set(found[notes.DEAD]):
        assert ends[row].min() < 0, row


def test_numbers_are_those_of_the_definitions():
    """Ratio and dead share of each residual module equal what NumPy makes of its parts."""
    model = TinyResidual()
    images = jax.random.normal(jax.random.key(1), (4, 8, 8, 3))
    variables = model.init(jax.random.key(0), images)
    # Half the channels die at the second module: its 1x1 takes them below zero.
    up = variables["params"]["block"]["2"]["up"]
    up["bias"] = up["bias"].at[:4].set(-1e3)
    found, ends = noted(model, variables, images)
    assert list(found[notes.RATIO]) == ["block_1", "block_2", "last"]
    assert sorted(found[notes.DEAD]) == ["block_1", "block_2", "conv1"]
    assert found[notes.DEAD]["block_2"] == 0.5
    trunk = ends["block"]
    added = (ends["last"] - trunk).astype(np.float64)
    expected = np.sqrt((added**2).mean() / (trunk.astype(np.float64) ** 2).mean())
    np.testing.assert_allclose(found[notes.RATIO]["last"], expected, rtol=1e-5)


def test_a_trunk_of_zeros_has_a_finite_ratio():
    """What is added to nothing has a large ratio, nothing to nothing 0, and NaN is not dead."""

    class Both(Tiny):
        def table(self):
            return ()

        def __call__(self, x, **_):
            notes.residual(self, x, x * 0)
            notes.rectified(self, x)

    def of(x):
        return Both().apply({}, x, mutable=[notes.COLLECTION])[1][notes.COLLECTION]

    assert 1e11 < of(jnp.ones((1, 2, 2, 3)))[notes.RATIO] < np.inf
    assert of(jnp.zeros((1, 2, 2, 3))) == {notes.RATIO: 0, notes.DEAD: 1}
    one = jnp.zeros((2, 2, 2, 4)).at[1, 0, 1, 2].set(1)
    assert of(one)[notes.DEAD] == 0.75
    assert of(one.at[0, 0, 0, 0].set(jnp.nan))[notes.DEAD] == 0.5
