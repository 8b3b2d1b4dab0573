"""Convolution, pools and their gradients as array functions, in the platform's fastest form."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from inception_jax.models.lowering import blocks, cpu, cpu_depthwise, cpu_pool, forms, gpu_pool

Pads = cpu.Pads


def wide(dtype: DTypeLike) -> DTypeLike:
    """The dtype of statistics, sums, parameters and logits: float64 for itself, else float32."""
    return jnp.float64 if dtype == jnp.float64 else jnp.float32


def pads(
    grid: tuple[int, ...],
    size: tuple[int, int],
    stride: int,
    padding: str,
    style: str = "tf",
    pool: bool = False,
) -> Pads:
    """Rows and columns of padding before and after, for a window on a grid (height, width).

    `tf`: TensorFlow's SAME puts the odd pixel after. `torch`: (size - 1) // 2 on both sides.
    `ceil`: as `torch`, but strided pools pad only after, as torch's `ceil_mode` without padding.
    """
    if padding == "VALID":
        return (0, 0), (0, 0)

    def one(n: int, k: int) -> tuple[int, int]:
        total = max((-(-n // stride) - 1) * stride + k - n, 0)
        if style == "tf" or stride == 1:
            return total // 2, total - total // 2
        if pool and style == "ceil":
            out = -(-(n - k) // stride) + 1
            return 0, max((out - 1) * stride + k - n, 0)
        return (k - 1) // 2, (k - 1) // 2

    return one(grid[0], size[0]), one(grid[1], size[1])


_places: ContextVar[Int[Array, " b"] | None] = ContextVar("places", default=None)


@contextmanager
def places_in_batch(places: Int[Array, " b"]) -> Iterator[None]:
    """Inside, the images of a network are those at `places` of a larger batch."""
    token = _places.set(places)
    try:
        yield
    finally:
        _places.reset(token)


def keep(key: PRNGKeyArray, rate: float, shape: tuple[int, ...]) -> Bool[Array, "*shape"]:
    """Which entries of `shape` [b, ...] dropout keeps: by the key and each image's place alone."""
    return _by_image(key, shape[0], lambda k: jax.random.bernoulli(k, 1 - rate, shape[1:]))


def uniform(key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "*shape"]:
    """Numbers of [0, 1), of `shape` [b, ...]: by the key and each image's place alone."""
    return _by_image(key, shape[0], lambda k: jax.random.uniform(k, shape[1:]))


def _by_image(key: PRNGKeyArray, b: int, draw: Callable[[PRNGKeyArray], Array]) -> Array:
    """What `draw` gives of each image's own key, [b, ...]."""
    places = _places.get()
    keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(b) if places is None else places)
    return jax.vmap(draw)(keys)


def _by_platform(*args: Array, cpu: Callable[..., Array], default: Callable[..., Array]) -> Array:
    if not forms.on("platform"):
        return default(*args)
    if platform := forms.platform():  # tracing one form, not two
        return (cpu if platform == "cpu" else default)(*args)
    return lax.platform_dependent(*args, cpu=cpu, default=default)


def conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "kh kw c d"], stride: int, pads: Pads
) -> Float[Array, "b h2 w2 d"]:
    """Convolution of `x` with `kernel`."""
    if forms.on("blocks") and blocks.fits(x, kernel, stride):
        return blocks.conv(x, kernel, stride, pads)
    plain = partial(cpu.plain_conv, stride=stride, pads=pads)
    if kernel.shape[:2] == (1, 1):
        return _by_platform(x, kernel, cpu=partial(cpu.conv_1x1, stride=stride), default=plain)
    return _by_platform(x, kernel, cpu=lambda x, k: cpu.conv(x, k, stride, pads), default=plain)


def depthwise(
    x: Float[Array, "b h w c"], kernel: Float[Array, "kh kw 1 d"], stride: int, pads: Pads
) -> Float[Array, "b h2 w2 d"]:
    """Convolution of each channel of `x` with filters of its own: d is a multiple of c."""
    plain = partial(cpu_depthwise.plain_depthwise, stride=stride, pads=pads)
    return _by_platform(
        x, kernel, cpu=lambda x, k: cpu_depthwise.depthwise(x, k, stride, pads), default=plain
    )


@jax.custom_jvp
def dense(x: Float[Array, "b c"], kernel: Float[Array, "c d"]) -> Float[Array, "b d"]:
    """`x @ kernel` of one dtype; the result is float32 at least, as logits are.

    Gradients have the dtype of `x` and `kernel`, as a convolution's do: in half precision devices
    exchange half as many bytes for a classifier.
    """
    return jnp.matmul(x, kernel, preferred_element_type=wide(x.dtype))


@dense.defjvp
def _dense_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Float[Array, "b d"], Float[Array, "b d"]]:
    (x, kernel), (dx, dk) = primals, tangents
    return dense(x, kernel), (dx @ kernel + x @ dk).astype(wide(x.dtype))


@jax.custom_jvp
def relu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """max(x, 0), whose gradient reads its output rather than its input.

    After a sum, as in a residual module, one array is then saved instead of two.
    """
    return jnp.maximum(x, 0)


@relu.defjvp
def _relu_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    y = relu(x)
    return y, jnp.where(y > 0, dx, jnp.zeros_like(dx))


def max_pool(
    x: Float[Array, "b h w c"], size: tuple[int, int], stride: int, pads: Pads
) -> Float[Array, "b h2 w2 c"]:
    """Maximum over windows of `x`; padding never wins."""
    if forms.on("places"):
        return gpu_pool.max_pool(x, size, stride, pads)

    def plain(x: Array) -> Array:
        return lax.reduce_window(
            x, -jnp.inf, lax.max, (1, *size, 1), (1, stride, stride, 1), ((0, 0), *pads, (0, 0))
        )

    return _by_platform(x, cpu=lambda x: cpu_pool.max_pool(x, size, stride, pads), default=plain)


def avg_pool(
    x: Float[Array, "b h w c"],
    size: tuple[int, int],
    stride: int,
    pads: Pads,
    count_include_pad: bool,
) -> Float[Array, "b h2 w2 c"]:
    """Mean over windows of `x`; padding counts only if `count_include_pad`.

    Added up and divided in float32 at least, and rounded once.
    """
    dtype, x = x.dtype, x.astype(wide(x.dtype))
    total = lax.reduce_window(
        x, 0.0, lax.add, (1, *size, 1), (1, stride, stride, 1), ((0, 0), *pads, (0, 0))
    )
    if count_include_pad:
        return (total / (size[0] * size[1])).astype(dtype)
    ones = [np.pad(np.ones(n), p) for n, p in zip(x.shape[1:3], pads, strict=True)]
    inside = [
        np.array([o[i : i + k].sum() for i in range(0, len(o) - k + 1, stride)])
        for o, k in zip(ones, size, strict=True)
    ]
    return (total / jnp.asarray(np.outer(*inside)[None, :, :, None], x.dtype)).astype(dtype)


@jax.custom_jvp
def with_gradient(
    x: Float[Array, "groups *n c"], mean: Float[Array, "groups c"], var: Float[Array, "groups c"]
) -> tuple[Float[Array, "groups c"], Float[Array, "groups c"]]:
    """`mean` and `var`, computed before as the moments of `x`, made differentiable by `x`.

    The gradient uses the differences to the mean, however the moments were computed; if `x` is a
    slice of the array they were computed of, the gradient is of the slice.
    """
    return mean, var


@with_gradient.defjvp
def _moments_jvp(
    primals: tuple[Array, Array, Array], tangents: tuple[Array, Array, Array]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    (x, *_), (dx, *_) = primals, tangents
    mean, var = with_gradient(*primals)  # a function of x here too, for second derivatives
    axes, dtype = tuple(range(1, x.ndim - 1)), wide(x.dtype)
    dx, centred = dx.astype(dtype), x.astype(dtype) - jnp.expand_dims(mean, axes)
    return (mean, var), (dx.mean(axes), 2 * (centred * dx).mean(axes))
