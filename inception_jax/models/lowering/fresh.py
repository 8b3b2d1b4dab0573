"""A network's first variables, without running it and without a program of its own.

XLA takes half a minute to compile `init` of Inception-v3: 98 draws of 45 shapes. Here `init` is
traced, and all that no variable depends on is removed. What is left is evaluated one operation at a
time by NumPy, except the draws. These are jax.random's, in blocks of one size: a number depends on
its key and its place in the array only, so a block is the same function with another first place,
and one small program for each distribution draws arrays of any shape.

The values are those of `jax.jit(model.init)` on a CPU, on any device, but for the last bits: how
XLA fuses a draw with what follows depends on the program around it.
"""

import contextlib
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.extend import random as prng
from jax.interpreters import partial_eval

BLOCK = 2**16  # numbers of a block, which stay in a core's cache
WIDTHS = (jnp.float32, jnp.float64)  # whose bits `_blocks` gives
THREEFRY = "threefry2x32"  # the generator of `jax.random.key`, unless configured otherwise

# Distributions by the name of jax.random's jitted function, whose arguments follow the key's.
DRAWS: dict[str, Callable[..., jax.Array]] = {
    "_normal": jax.random.normal,
    "_truncated_normal": lambda key, shape, dtype, low, high: jax.random.truncated_normal(
        key, low, high, shape, dtype
    ),
    "_uniform": jax.random.uniform,
}
# Operations on arrays of any shape, for which JAX would compile a program each; all are exact.
NUMPY: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "div": np.divide,
    "mul": np.multiply,
    "sqrt": np.sqrt,
    "sub": np.subtract,
}


def evaluated(function: Callable[..., Any], seed: int | jax.Array) -> Any:
    """`function` of the key of `seed`: a tree of NumPy arrays."""
    with _on_host():
        key = jax.random.key(seed)
        traced, shapes = jax.make_jaxpr(function, return_shape=True)(key)
        every = [True] * len(traced.jaxpr.outvars)
        jaxpr, inputs = partial_eval.dce_jaxpr(traced.jaxpr, every)
        leaves = _run(jaxpr, traced.consts, [key] if inputs[0] else [])
    return jax.tree.unflatten(jax.tree.structure(shapes), map(np.asarray, leaves))


def _on_host() -> contextlib.AbstractContextManager[Any]:
    """JAX's default device is the CPU, if it has one beside an accelerator."""
    try:
        return jax.default_device(jax.local_devices(backend="cpu")[0])
    except RuntimeError:  # JAX_PLATFORMS excludes it
        return contextlib.nullcontext()


def _run(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    """The outputs of a jaxpr."""
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args], strict=True))

    def value(of: Any) -> Any:
        return of.val if isinstance(of, core.Literal) else values[of]

    for eqn in jaxpr.eqns:
        values.update(zip(eqn.outvars, _outputs(eqn, [*map(value, eqn.invars)]), strict=True))
    return [*map(value, jaxpr.outvars)]


def _outputs(eqn: Any, args: list[Any]) -> Sequence[Any]:
    """The outputs of one operation."""
    name, params = eqn.primitive.name, eqn.params
    if name in ("jit", "pjit"):
        out = eqn.outvars[0].aval
        if params["name"] in DRAWS and _is_blockwise(args[0], out.dtype):
            return [_draw(params["name"], *args, shape=out.shape, dtype=out.dtype)]
        inner = params["jaxpr"]
        return _run(inner.jaxpr, inner.consts, args)
    if name in NUMPY:
        return [NUMPY[name](*map(np.asarray, args))]
    if name == "broadcast_in_dim" and not np.ndim(args[0]):
        return [np.broadcast_to(np.asarray(args[0]), params["shape"])]
    outputs = eqn.primitive.bind(*args, **params)
    return outputs if eqn.primitive.multiple_results else [outputs]


def _is_blockwise(key: jax.Array, dtype: Any) -> bool:
    """Whether a number depends on `key` and its place only, so that blocks can be drawn."""
    by_place = jax.config.jax_threefry_partitionable  # pyright: ignore[reportAttributeAccessIssue]
    return by_place and str(jax.random.key_impl(key)) == THREEFRY and dtype in WIDTHS


def _draw(name: str, key: jax.Array, *bounds: Any, shape: Sequence[int], dtype: Any) -> Any:
    """Random numbers of a distribution, block by block."""
    program = _block(name, jnp.dtype(dtype), *(np.asarray(x).item() for x in bounds))
    words, size = np.asarray(jax.random.key_data(key)), math.prod(shape)
    blocks = [program(np.append(words, np.uint32(i))) for i in range(0, size, BLOCK)]
    return np.concatenate(blocks)[:size].reshape(shape)


@functools.cache
def _block(name: str, dtype: Any, *bounds: int | float) -> Callable[[Any], jax.Array]:
    """The program that draws a block, from the two words of a key and the first place."""

    @jax.jit
    def block(data: Any) -> jax.Array:
        key = jax.random.wrap_key_data(data, impl=_blocks())
        return DRAWS[name](key, (BLOCK,), dtype, *bounds)

    return block


@functools.cache
def _blocks() -> Any:
    """A generator whose bits are Threefry's from a place on; its keys are not to be split."""

    def bits(data: jax.Array, width: int, shape: tuple[int, ...]) -> jax.Array:
        places = data[2] + jnp.arange(math.prod(shape), dtype=jnp.uint32)
        counts = jnp.concatenate([jnp.zeros_like(places), places])
        high, low = jnp.split(prng.threefry_2x32((data[0], data[1]), counts), 2)
        wide = high if width == 32 else high.astype(jnp.uint64) << np.uint64(32)
        return (wide ^ low.astype(wide.dtype)).reshape(shape)

    def never(*_: Any) -> Any:
        raise NotImplementedError

    return prng.define_prng_impl(
        key_shape=(3,), seed=never, split=never, fold_in=never, random_bits=bits, name="blocks",
        tag="blk",
    )  # fmt: skip
