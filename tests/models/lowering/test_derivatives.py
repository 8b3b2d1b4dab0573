"""Tests the hand-written derivatives: both orders, forward and reverse, against differences."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import inception_jax
from inception_jax.models.batch_norm import BatchNorm
from inception_jax.models.dialect import Norm
from inception_jax.models.lowering import cpu, cpu_depthwise, cpu_pool, forms, gpu_pool, ops
from inception_jax.models.lowering.affine import normalised
from inception_jax.runtime import xla_options
from tests.models.lowering.gradients import farthest

pytestmark = pytest.mark.usefixtures("quick_compiler")


def once(function):
    """`function`, compiled quickly since it runs once."""
    return jax.jit(function, compiler_options=xla_options.once())


def normal(seed, *shape):
    """Random numbers in double precision."""
    return jax.random.normal(jax.random.key(seed), shape, jnp.float64)


def conv(x, k, size, stride, padding):
    return cpu.conv(x, k, stride, ops.pads(x.shape[1:3], size, stride, padding))


def depthwise(x, k, stride):
    pads = ops.pads(x.shape[1:3], (3, 3), stride, "SAME")
    return cpu_depthwise.depthwise(x, k, stride, pads)


def pool(x, size, stride, of=cpu_pool):
    return of.max_pool(x, size, stride, ops.pads(x.shape[1:3], size, stride, "SAME", pool=True))


def normed(x):
    return BatchNorm(Norm(0.9, 1e-3, False), train=True, group=2).init_with_output(
        jax.random.key(0), x
    )[0]


def paired(x, factor, shift):
    with forms.for_platform("gpu"):
        return normalised(x, (factor, shift), relu=True)


# One for each form that has a derivative of its own.
CASES = {
    "dense": (ops.dense, [(3, 5), (5, 2)]),
    "relu": (ops.relu, [(4, 4)]),
    "batch norm": (normed, [(4, 2, 2, 3)]),
    "conv, one row more": (
        partial(conv, size=(3, 3), stride=1, padding="VALID"), [(1, 19, 19, 1), (3, 3, 1, 1)]),
    "conv, few channels": (
        partial(conv, size=(3, 3), stride=2, padding="SAME"), [(2, 5, 5, 2), (3, 3, 2, 2)]),
    "conv, many channels": (
        partial(conv, size=(2, 2), stride=2, padding="SAME"), [(1, 4, 4, 64), (2, 2, 64, 1)]),
    "conv, large kernel": (
        partial(conv, size=(1, 11), stride=1, padding="SAME"), [(1, 2, 4, 2), (1, 11, 2, 2)]),
    "depthwise": (partial(depthwise, stride=1), [(1, 3, 4, 2), (3, 3, 1, 2)]),
    "depthwise, several filters": (partial(depthwise, stride=2), [(2, 5, 4, 2), (3, 3, 1, 4)]),
    "max-pool": (partial(pool, size=(3, 3), stride=2), [(1, 6, 5, 2)]),
    "max-pool on GPUs": (partial(pool, size=(3, 3), stride=2, of=gpu_pool), [(1, 6, 5, 2)]),
    "affine on GPUs": (paired, [(2, 2, 3, 2), (2, 2), (2, 2)]),
}  # fmt: skip


SLOW = {
    "conv, few channels", "conv, many channels", "conv, large kernel", "depthwise, several filters",
    "affine on GPUs", "max-pool on GPUs",
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(c, marks=[pytest.mark.slow] if c in SLOW else []) for c in CASES]
)
def test_derivatives_of_both_orders_in_both_modes(float64, name):
    """Forward and reverse, and either of the other, equal differences of what they derive."""
    fun, shapes = CASES[name]
    args = tuple(normal(i, *shape) for i, shape in enumerate(shapes))
    vector = tuple(normal(9 + i, *shape) for i, shape in enumerate(shapes))

    def along(tree):
        return sum(map(jnp.vdot, tree, vector))

    def loss(args):
        return jnp.sin(fun(*args)).sum()

    def difference(f, h=1e-5):
        high = f(jax.tree.map(lambda a, v: a + h * v, args, vector))
        low = f(jax.tree.map(lambda a, v: a - h * v, args, vector))
        return jax.tree.map(lambda a, b: (a - b) / (2 * h), high, low)

    @once
    def both(args):
        gradient = jax.grad(loss)
        first = [jax.jvp(loss, (args,), (vector,))[1], along(gradient(args))]
        second = [
            jax.jvp(gradient, (args,), (vector,))[1],
            jax.grad(lambda args: along(gradient(args)))(args),
            jax.grad(lambda args: jax.jvp(loss, (args,), (vector,))[1])(args),
        ]
        return (first, difference(loss)), (second, difference(gradient))

    for found, want in both(args):
        assert max(farthest(x, want) for x in found) < 1e-6


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("conv, one row more", marks=pytest.mark.slow),
        "depthwise",
        "max-pool",
        "max-pool on GPUs",
    ],
)
def test_derivatives_of_many_at_once(float64, name):
    """Under vmap, with any arguments mapped, gradients are each example's own."""
    fun, shapes = CASES[name]
    args = [normal(i, 2, *shape) for i, shape in enumerate(shapes)]

    gradient = jax.grad(lambda *a: jnp.sin(fun(*a)).sum(), argnums=range(len(args)))
    for axes in {(0,) * len(args), (0, None)[: len(args)], (None, 0)[-len(args) :]}:
        parts = [
            once(gradient)(*(a[i if axis == 0 else 0] for a, axis in zip(args, axes, strict=True)))
            for i in range(2)
        ]
        given = [a if axis == 0 else a[0] for a, axis in zip(args, axes, strict=True)]
        found = once(jax.vmap(gradient, axes))(*given)
        assert farthest(found, jax.tree.map(lambda *x: jnp.stack(x), *parts)) < 1e-12


def test_second_derivatives_of_batch_norm_equal_flax(float64):
    """The whole Hessian, which is symmetric."""
    x, weights = normal(0, 4, 3), normal(1, 4, 3)
    theirs = nn.BatchNorm(
        False, epsilon=1e-3, use_scale=False, dtype=jnp.float64, param_dtype=jnp.float64
    )
    ours = BatchNorm(Norm(0.9, 1e-3, False), train=True)

    def hessian(module):
        def loss(x):
            return (weights * module.init_with_output(jax.random.key(0), x)[0] ** 2).sum()

        with jax.numpy_dtype_promotion("standard"):
            return once(jax.hessian(loss))(x).reshape(12, 12)

    got = hessian(ours)
    np.testing.assert_allclose(got, got.T, atol=1e-12)
    np.testing.assert_allclose(got, hessian(theirs), atol=1e-12)


def test_no_derivative_is_for_reverse_mode_alone():
    """`custom_vjp` knows neither forward mode nor, unless its rules do, a second order."""
    package = Path(inception_jax.__file__).parent
    used = [p.name for p in package.rglob("*.py") if "jax.custom_vjp" in p.read_text()]
    assert used == []
