"""Tests `inception_jax/train/state.py`: the initial state, its layout, and fine-tuning."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from inception_jax.models import ImageTooSmallError, create
from inception_jax.runtime import mesh as meshes
from inception_jax.train import finetune, state
from tests.tiny import Tiny
from tests.train.steps import random_like


def test_fine_tuning_takes_leaves_of_the_same_path_and_shape():
    """The head of another number of classes stays fresh; all other leaves are taken."""
    image = jnp.zeros((1, 8, 8, 3))
    old = random_like(jax.eval_shape(Tiny(num_classes=5).init, jax.random.key(0), image))
    fields = dict(model=Tiny(), tx=optax.sgd(0.1), mesh=meshes.make(1), image_size=8, seed=0)
    shapes = state.abstract(**fields, ema=False)
    taken, other, fresh, unused = finetune.compared(shapes.variables, old)
    assert fresh == unused == [] and sorted(other) == [
        "['params']['aux_conv2']['logits']['bias']",
        "['params']['aux_conv2']['logits']['kernel']",
        "['params']['logits']['bias']",
        "['params']['logits']['kernel']",
    ]  # fmt: skip
    new = state.create(**fields, ema=False, start=taken, like=shapes)
    assert (new.params["conv1"]["kernel"] == old["params"]["conv1"]["kernel"]).all()
    assert new.params["logits"]["kernel"].shape == (16, 10)
    assert new.averaged == new.variables


def test_a_state_is_created_where_its_shapes_are(monkeypatch):
    """On a mesh of 4 x 2 with ZeRO-1: shapes, dtypes and shardings as `abstract` has them."""
    monkeypatch.setattr(meshes, "SMALLEST", 16)
    fields = dict(model=Tiny(), tx=optax.sgd(0.1, momentum=0.9), mesh=meshes.make(4, 2))
    fields |= dict(image_size=8, seed=0, ema=True, zero=True)
    shapes, new = state.abstract(**fields), state.create(**fields)
    describe = lambda x: (x.shape, x.dtype, x.sharding)  # noqa: E731
    assert jax.tree.map(describe, new) == jax.tree.map(describe, shapes)
    kernel = [x["conv2"]["kernel"] for x in (new.params, new.ema["params"])]
    assert [x.addressable_shards[0].data.size * n for x, n in zip(kernel, (2, 8), strict=True)] == [
        kernel[0].size
    ] * 2
    assert new.averaged is new.ema and int(new.step) == 0
    np.testing.assert_array_equal(*kernel)


def test_an_image_below_the_minimum_is_refused_by_shape():
    """The network's minimum is checked before anything is allocated."""
    fields = dict(tx=optax.sgd(0.1), mesh=meshes.make(1), seed=0, ema=False)
    with pytest.raises(ImageTooSmallError):
        state.abstract(model=create("inception_v3"), image_size=40, **fields)
