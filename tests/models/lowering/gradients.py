"""Outputs and gradients of small networks in double precision, to compare forms of computation."""

import jax
import jax.numpy as jnp

from inception_jax.models.lowering import remat
from inception_jax.runtime import xla_options


def gradient(model, variables, image, recompute="none"):
    """Loss, statistics and gradients of a smooth function of every output of the network."""

    def loss(params):
        out, new = model.apply(
            {**variables, "params": params}, image, train=True, mutable=["batch_stats"],
            rngs={"dropout": jax.random.key(1)}, endpoints=True,
        )  # fmt: skip
        every = [out.logits, *out.aux.values(), *out.endpoints.values()]
        return sum(jnp.sin(x).mean() for x in every), new

    run = jax.value_and_grad(remat.wrap(loss, recompute), has_aux=True)
    return jax.jit(run, compiler_options=xla_options.once())(variables["params"])


def farthest(a, b):
    """The largest difference of two trees, relative to each leaf's largest number.

    A bias before a BatchNorm has gradient zero: what is computed there is rounding.
    """

    def one(x, y):
        return jnp.abs(x - y).max() / (jnp.abs(y).max() + 1e-6)

    return max(map(float, jax.tree.leaves(jax.tree.map(one, a, b))))


def example(model, size=16):
    """The network in double precision, variables away from where they start, and images."""
    model = model.clone(dtype=jnp.dtype("float64"), bn_group=2, dropout=0.0)
    image = jax.random.normal(jax.random.key(3), (4, size, size, 3), jnp.float64)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), image))
    keys = iter(jax.random.split(jax.random.key(2), 2000))

    def fill(path, leaf):
        # Kernels around 0, variances and gammas around 1.
        noise = jax.random.normal(next(keys), leaf.shape, leaf.dtype)
        if path[-1].key in ("var", "scale"):
            return 1 + 0.1 * jnp.tanh(noise)
        return noise / jnp.sqrt(max(1, leaf.size // leaf.shape[-1]))

    return model, jax.tree_util.tree_map_with_path(fill, shapes), image
