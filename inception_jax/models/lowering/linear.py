"""A linear function with a transpose of its own, at every order and in every mode of JAX.

`custom_vjp` gives a fast gradient but no forward mode, and `custom_jvp` a forward mode whose
transpose is JAX's. Here the derivative is the function itself, so that `jvp` works; reverse mode,
which transposes derivatives, finds the given transpose; and both may be differentiated again.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.extend.core import Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array

Function = Callable[..., Array]


def linear(fun: Function, transpose: Function, fixed: tuple[Array, ...], x: Array) -> Array:
    """`fun(*fixed, x)`, linear in `x`, whose transpose is `transpose(*fixed, y)`.

    Both may depend on `fixed` in any way, and are differentiated by it as JAX differentiates them.
    """
    jaxpr = jax.make_jaxpr(fun)(*fixed, x)
    (y,) = linear_p.bind(*fixed, x, jaxpr=jaxpr, fun=fun, transpose=transpose)
    return y


def bilinear_jvp(
    fun: Function,
    by_first: Function,
    by_second: Function,
    primals: tuple[Array, Array],
    tangents: tuple[Array | SymbolicZero, Array | SymbolicZero],
) -> tuple[Array, Array]:
    """`fun(a, b)`, linear in each, and its derivative, for `custom_jvp` with symbolic zeros.

    Args:
        fun: the function.
        by_first: its transpose by `a`, a function of `b` and a cotangent.
        by_second: its transpose by `b`, a function of `a` and a cotangent.
        primals: `a` and `b`.
        tangents: theirs.
    """
    (a, b), (da, db), parts = primals, tangents, []
    if not isinstance(da, SymbolicZero):
        parts.append(linear(lambda b, da: fun(da, b), by_first, (b,), da))
    if not isinstance(db, SymbolicZero):
        parts.append(linear(fun, by_second, (a,), db))
    y = fun(a, b)
    return y, reduce(jnp.add, parts) if parts else jnp.zeros_like(y)


def _evaluate(*args: Array, jaxpr: Any, **_: Any) -> Any:
    return jaxpr_as_fun(jaxpr)(*args)


def _jvp(primals: Any, tangents: Any, *, jaxpr: Any, fun: Function, transpose: Function) -> Any:
    """The function of the tangent; and JAX's own derivative by what is fixed."""
    (*fixed, x), (*moved, dx) = primals, tangents
    y = linear(fun, transpose, tuple(fixed), x)
    parts = [] if type(dx) is ad.Zero else [linear(fun, transpose, tuple(fixed), dx)]
    moving = [i for i, t in enumerate(moved) if type(t) is not ad.Zero]
    if moving:

        def of_moving(*values: Array) -> Array:
            every = dict(enumerate(fixed)) | dict(zip(moving, values, strict=True))
            return fun(*every.values(), x)

        at, by = tuple(fixed[i] for i in moving), tuple(moved[i] for i in moving)
        parts.append(jax.jvp(of_moving, at, by)[1])
    return [y], [reduce(jnp.add, parts)]


def _transposed(cotangents: Any, *args: Any, jaxpr: Any, fun: Function, transpose: Function) -> Any:
    (dy,), (*fixed, x) = cotangents, args
    assert ad.is_undefined_primal(x) and not any(map(ad.is_undefined_primal, fixed))
    dx = ad.Zero(x.aval) if type(dy) is ad.Zero else linear(transpose, fun, tuple(fixed), dy)
    return [*(None for _ in fixed), dx]


def _batched(args: Any, axes: Any, *, jaxpr: Any, fun: Function, transpose: Function) -> Any:
    size = next(a.shape[axis] for a, axis in zip(args, axes, strict=True) if axis is not None)
    *fixed, x = (
        a if axis is None else jnp.moveaxis(a, axis, 0) for a, axis in zip(args, axes, strict=True)
    )
    if axes[-1] is None:  # so that the transpose has an axis for every example
        x = jnp.broadcast_to(x, (size, *x.shape))
    along = (*(None if axis is None else 0 for axis in axes[:-1]), 0)
    y = linear(jax.vmap(fun, along), jax.vmap(transpose, along), tuple(fixed), x)
    return [y], [0]


linear_p = Primitive("linear")
linear_p.multiple_results = True
linear_p.def_impl(_evaluate)
linear_p.def_abstract_eval(lambda *_, jaxpr, **__: jaxpr.out_avals)
mlir.register_lowering(linear_p, mlir.lower_fun(_evaluate, multiple_results=True))
ad.primitive_jvps[linear_p] = _jvp
ad.primitive_transposes[linear_p] = _transposed
batching.primitive_batchers[linear_p] = _batched
