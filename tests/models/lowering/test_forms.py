"""Tests `siblings.py`, `preactivation.py` and `remat.py`: other forms of the same mathematics."""

import re

import jax
import jax.numpy as jnp
import pytest

from inception_jax import models
from inception_jax.models.lowering import forms, remat
from tests.models.test_network import small
from tests.tiny import TinyResidual


def gradient(model, variables, image, recompute="none"):
    """Loss, statistics and gradients of a smooth function of everything the network gives."""

    def loss(params):
        out, new = model.apply(
            {**variables, "params": params}, image, train=True, mutable=["batch_stats"],
            rngs={"dropout": jax.random.key(1)}, endpoints=True,
        )  # fmt: skip
        every = [out.logits, *out.aux.values(), *out.endpoints.values()]
        return sum(jnp.sin(x).mean() for x in every), new

    run = jax.jit(jax.value_and_grad(remat.wrap(loss, recompute), has_aux=True))
    quickly = {"xla_backend_optimization_level": 0}  # it runs once
    return run.lower(variables["params"]).compile(compiler_options=quickly)(variables["params"])


def farthest(a, b):
    """The largest difference of two trees, relative to each leaf's largest number.

    A bias before a BatchNorm has gradient zero: what is computed there is rounding.
    """

    def one(x, y):
        return jnp.abs(x - y).max() / (jnp.abs(y).max() + 1e-6)

    return max(map(float, jax.tree.leaves(jax.tree.map(one, a, b))))


def example(name, dialect, **fields):
    """A network with its variables, those of BatchNorm away from where they start, and images."""
    model = small(name, dialect, dtype="float64", bn_group=2, dropout=0.0, **fields)
    image = jax.random.normal(jax.random.key(3), (4, 32, 32, 3), jnp.float64)
    variables = model.init(jax.random.key(0), image)
    keys = iter(jax.random.split(jax.random.key(2), 2000))
    shaken = jax.tree.map(
        lambda x: x + 0.1 * jax.random.uniform(next(keys), x.shape, x.dtype), variables
    )
    return model, shaken, image


# One block of a kind is enough, and so is one network with heads.
LEFT_OUT = {
    "inception_v3": [f"mixed_{b}" for b in ("5c", "5d", "6c", "6d", "7c")],
    "inception_v4": [f"mixed_{b}" for b in ("5c", "5d", "5e", "6c", "6d", "6e", "6f", "6g", "7c")],
    "googlenet": [f"inception_{b}" for b in ("3b", "4b", "4c", "4d", "4e", "5b")],
    "bn_inception": [f"inception_{b}" for b in ("3b", "4b", "4c", "4d", "5a")],
    "inception_resnet_v2": ["block35", "block17", "block8"],  # and block8_last is left
    "xception": [f"block_{i}" for i in range(4, 11)],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "dialect"),
    [("inception_v3", "slim"), ("inception_v4", "slim"), ("inception_resnet_v2", "slim"),
     ("bn_inception", "cadene"), ("googlenet", "paper"), ("xception", "keras")],
)  # fmt: skip
def test_every_form_is_the_network_as_drawn(name, dialect):
    """Outputs, statistics and gradients do not depend on the form, in float64 to 1e-9."""
    with jax.enable_x64(True):
        network = example(
            name, dialect, drop_rows=tuple(LEFT_OUT[name]), aux=name == "inception_v3"
        )
        with forms.without(*forms.FORMS):
            want = gradient(*network)
        for recompute in remat.POLICIES if name == "inception_v3" else ["lean"]:
            assert farthest(gradient(*network, recompute), want) < 1e-9, recompute


def test_each_module_is_run_again_by_itself():
    """`rows`: a row, and each of the modules that a row repeats, is computed again on its own."""
    with jax.enable_x64(True):
        image = jax.random.normal(jax.random.key(3), (4, 8, 8, 3), jnp.float64)
        model = TinyResidual(dtype=jnp.float64)
        network = model, model.init(jax.random.key(0), image), image
        want, got = (gradient(*network, recompute) for recompute in ("none", "rows"))
        assert farthest(got, want) < 1e-12
        assert (parts(*network, "none"), parts(*network, "rows")) == (0, 4)  # conv1, 1, 2, last


def parts(model, variables, image, recompute):
    """How many parts of a network's gradient are computed again, each on its own."""

    def loss(params):
        out, _ = model.apply(
            {**variables, "params": params}, image, train=True, mutable=["batch_stats"]
        )
        return jnp.sin(out.logits).sum()

    text = str(jax.make_jaxpr(remat.wrap(loss, recompute))(variables["params"]))
    return len(re.findall(r"\b(?:checkpoint|remat2?)\[", text))


FOLDED = [("inception_v3", "torchvision"), ("inception_resnet_v1", "facenet"),
          ("bn_inception", "cadene"), ("xception", "keras")]  # fmt: skip
LEFT_OUT["inception_resnet_v1"] = ["block35", "block17", "block8"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dialect"), FOLDED)
def test_a_folded_network_is_the_same_function(name, dialect):
    """With BatchNorm in kernels and biases every end-point is what it was, in float64 to 1e-12."""
    with jax.enable_x64(True):
        rest = {"num_classes": 0} if dialect == "facenet" else {}
        model, variables, image = example(name, dialect, drop_rows=tuple(LEFT_OUT[name]), **rest)
        bare, taken_in = models.fold(model, variables)
        assert "batch_stats" not in taken_in and not any(
            "bn" in str(path) for path, _ in jax.tree.leaves_with_path(taken_in)
        )

        def everything(model, variables):
            out = jax.jit(lambda v: model.apply(v, image, endpoints=True))
            quickly = {"xla_backend_optimization_level": 0}
            return out.lower(variables).compile(compiler_options=quickly)(variables)

        want, got = everything(model, variables), everything(bare, taken_in)
        assert set(got.endpoints) == set(want.endpoints)
        assert farthest((got.logits, got.endpoints), (want.logits, want.endpoints)) < 1e-12
