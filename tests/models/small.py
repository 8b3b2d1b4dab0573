"""Networks that a test can afford: narrow, with a small stem, and only the rows it needs."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from inception_jax import models
from inception_jax.models.lowering import forms
from inception_jax.models.network import Network, Output

EVERY = [(n, d) for n in models.names() for d in models.dialects(n)]

KEYS = {"params": jax.random.key(0), "dropout": jax.random.key(1)}

# The second and later rows of a kind, without those that an auxiliary head reads.
REPEATED = {
    "googlenet": [f"inception_{b}" for b in ("3b", "4b", "4c", "4e", "5b")],
    "googlenet_naive": [f"inception_{b}" for b in ("3b", "4b", "4c", "4e", "5b")],
    "bn_inception": [f"inception_{b}" for b in ("3b", "4b", "4c", "5a")],
    "inception_v2": [f"mixed_{b}" for b in ("5c", "5d", "6b", "6c", "6d", "6e", "7c")],
    "inception_v3": [f"mixed_{b}" for b in ("5c", "5d", "6b", "6c", "6d", "7c")],
    "inception_v4": [f"mixed_{b}" for b in ("5c", "5d", "5e", *(f"6{i}" for i in "bcdefg"), "7c")],
    "inception_resnet_v1": ["block35", "block17"],
    "inception_resnet_v2": ["block35", "block8"],
    "xception": [f"block_{i}" for i in range(4, 11)],
}


def small(name: str, dialect: str = "", **fields) -> Network:
    """A network of an eighth of the channels for 32-pixel images and 10 classes."""
    fields = {"width": 0.125, "stem": "small", "num_classes": 10, **fields}
    return models.create(name, dialect=dialect, **fields)


def one_of_each(name: str, dialect: str = "", **fields) -> Network:
    """`small` with one row of each kind."""
    return small(name, dialect, drop_rows=tuple(REPEATED[name]), **fields)


def all_but_last(name: str) -> tuple[str, ...]:
    """The rows to drop so that of the modules those with heads are left, or the last.

    Chains of 5 to 20 residual blocks, which take minutes to compile, are no modules in this.
    """
    model, chains = small(name), ("block35", "block17", "block8")
    modules = [r.name for r in model.rows() if r.name.startswith(("inception", "mixed", "block"))]
    single = [m for m in modules if m not in chains]
    kept = [m for m in single if m in model.HEADS] or single[-1:]
    return tuple(m for m in modules if m not in kept)


def with_rows(name: str, dialect: str, rows: list[str], **fields) -> Network:
    """`small` with the named rows only."""
    every = [r.name for r in small(name, dialect).rows()]
    assert set(rows) <= set(every)
    return small(name, dialect, drop_rows=tuple(r for r in every if r not in rows), **fields)


@cache
def described(name: str, dialect: str = "") -> models.Description:
    """The table of a network at its own size; shapes do not depend on the platform's forms."""
    with forms.without("platform"):
        return models.describe(models.create(name, dialect=dialect))


@cache
def traced(name: str, dialect: str = "") -> tuple[Network, Output, Any]:
    """A network in bfloat16 with one row of each kind, its output and its variables, as shapes."""
    model = one_of_each(name, dialect, dtype="bfloat16")
    image = jnp.zeros((2, 32, 32, 3))
    with forms.without("platform"):
        shapes = jax.eval_shape(lambda: model.init_with_output(KEYS, image, endpoints=True))
    return model, *shapes


def drawn(model: Network, size: int) -> dict[str, Any]:
    """Random variables, float32 on the host, of a trained network's magnitude."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(lambda: models.init(model, image_size=size))

    def draw(leaf: Any) -> np.ndarray:
        if len(leaf.shape) == 1:
            return rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32)
        return rng.normal(0, np.prod(leaf.shape[:-1]) ** -0.5, leaf.shape).astype(np.float32)

    return jax.tree.map(draw, shapes)
