"""What a train step needs of a device's memory, told from its shapes: nothing is compiled."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from inception_jax.doctor.devices import memory_of
from inception_jax.doctor.finding import Finding, warning
from inception_jax.doctor.host import memory_of_host
from inception_jax.models import preprocess
from inception_jax.runtime import mesh as meshes
from inception_jax.train.trainer import Trainer

# Primitives that read whole arrays from memory, or write them: no compiler fuses these away.
TAKING = {
    "conv_general_dilated", "dot_general", "optimization_barrier", "reduce_max", "reduce_window",
    "reduce_window_max", "reduce_window_sum", "scan", "select_and_scatter_add", "sort", "while",
}  # fmt: skip
MAKING = TAKING | {"concatenate", "random_bits", "reduce_sum"}
VIEWS = {"copy", "reshape", "squeeze", "stop_gradient"}  # the same bytes under another shape
WORKING = 2  # of the largest arrays: one and its gradient
FULL = 0.9  # share of a device's memory; the rest goes to its runtime and to fragments


class Need(NamedTuple):
    """Bytes on one device.

    Attributes:
        state: parameters, statistics, optimiser and averages, as the mesh splits them; exact.
        gradients: as the parameters.
        kept: of the forward pass, for the backward pass.
        working: in use while one layer is computed.
        batch: the images, uint8.
    """

    state: int
    gradients: int
    kept: int
    working: int
    batch: int


def need(job: Trainer) -> Need:
    """What the job's train step needs, as far as shapes tell.

    What is kept for the backward pass are the residuals of `jax.vjp`, without those that a fusion
    makes again from others: only arrays count that a convolution, product, pool or concatenation
    makes or reads. Compilers differ in the order of work and in padding. Of what
    `compiled.memory_analysis()` says on the CPU (`doctor --compile`) the sum was 1.11 for
    configs/digits.py, 0.98 for GoogLeNet at width 0.5 (32 images of 96 pixels), 0.92 for
    Inception-v3 (16 of 139) and 1.06 for Inception-ResNet-v1 at width 0.5 (16 of 128).
    """
    c, empty = job.config, job.empty_state
    images = c.data.batch_size // meshes.shards(job.mesh)
    kept = residuals(job, images // c.optim.accumulate)
    return Need(
        state=meshes.local_bytes(empty),
        gradients=meshes.local_bytes(empty.params),
        kept=sum(kept),
        working=WORKING * max(kept, default=0),
        batch=images * c.data.image_size**2 * 3,
    )


def compiled(job: Trainer) -> tuple[int, float]:
    """Bytes on one device by the compiler's own account, and the seconds it took."""
    began = time.monotonic()
    m = job.compiled().memory_analysis()
    total = m.argument_size_in_bytes + m.output_size_in_bytes + m.temp_size_in_bytes
    return total - m.alias_size_in_bytes, time.monotonic() - began


def check(job: Trainer, compile: bool = False) -> Finding:
    """The need of a step beside what a device has."""
    parts = need(job)
    total = sum(parts)
    listed = ", ".join(f"{name} {size(n)}" for name, n in parts._asdict().items())
    text = f"about {size(total)} a device ({listed})"
    if compile:
        total, seconds = compiled(job)
        text += f"; compiled in {seconds:.0f} s: {size(total)}"
    device = jax.local_devices()[0]
    have = memory_of(device)
    if device.platform == "cpu":
        have = memory_of_host() // jax.local_device_count()
    if not have:
        return Finding(f"{text}; the device does not say what it has")
    text += f" of {size(have)}"
    if total > FULL * have:
        return warning(
            text,
            "less at a time: --config.optim.accumulate=2 (or more), a smaller data.batch_size, "
            "--config.model.dtype=bfloat16, or more devices",
        )
    return Finding(text)


def size(count: float) -> str:
    """Bytes for a person: `4.3 MB`, `12 GB`."""
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.5 or unit == "TB":
            break
    return f"{count:.{1 if count < 10 else 0}f} {unit}"


def residuals(job: Trainer, count: int) -> list[int]:
    """Bytes of each array that the backward pass of `count` images needs of the forward pass."""
    c, empty, model = job.config, job.empty_state, job.model

    def back(params: Any, stats: Any, images: Any) -> Any:
        def run(params: Any) -> Any:
            out, new = model.apply(
                {"params": params, "batch_stats": stats}, preprocess.as_input(images, model),
                train=True, mutable=["batch_stats"], rngs={"dropout": jax.random.key(0)},
            )  # fmt: skip
            return out.logits.sum() + sum(x.sum() for x in out.aux.values()), new

        return jax.vjp(run, params, has_aux=True)[1]

    pixels = (count, c.data.image_size, c.data.image_size, 3)
    images = jax.ShapeDtypeStruct(pixels, jnp.uint8)
    jaxpr = jax.make_jaxpr(back)(empty.params, empty.batch_stats, images).jaxpr
    return in_memory(jaxpr, jax.default_backend())


def in_memory(jaxpr: Any, platform: str) -> list[int]:
    """Bytes of each array that has to be in memory for a program's results to be made from."""
    trace = _Trace(platform)
    given = dict.fromkeys([*jaxpr.invars, *jaxpr.constvars])
    results = trace.follow(jaxpr, {v: _Array(v.aval) for v in given})
    found, seen, ahead = [], set(), [x for x in results if x]
    while ahead:
        x = ahead.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if x.stored and x.made:
            found.append(x.aval.size * x.aval.dtype.itemsize)
        else:
            ahead += x.sources
    return found


class _Array:
    """An array of a program: whether it is stored, and from which others it is made."""

    def __init__(self, aval: Any, sources: list["_Array"] | None = None, stored: bool = False):
        self.aval, self.sources, self.stored = aval, sources or [], stored
        self.made = sources is not None  # not an argument


class _Trace:
    """Follows a program through its calls, with the branches of one platform."""

    def __init__(self, platform: str):
        self._platform = platform

    def follow(self, jaxpr: Any, env: dict[Any, Any]) -> list[_Array | None]:
        """The results, given the arguments in `env`; None for a literal."""

        def read(v: Any) -> _Array | None:
            return None if isinstance(v, Literal) else env[v]

        for eqn in jaxpr.eqns:
            name, args = eqn.primitive.name, [read(v) for v in eqn.invars]
            for inner, taken in self._inner(eqn):
                known = dict(zip(inner.invars, args[taken:], strict=True))
                constants = {v: _Array(v.aval) for v in inner.constvars}
                outs = self.follow(inner, {**constants, **known})
                break
            else:
                outs = args[:1] if name in VIEWS else _made(eqn, name, args)
            env.update(zip(eqn.outvars, outs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def _inner(self, eqn: Any) -> Iterator[tuple[Any, int]]:
        """The program that an equation calls, if it does, and the arguments it takes itself."""
        params = eqn.params
        if params.get("branches_platforms"):
            for branch, where in zip(params["branches"], params["branches_platforms"], strict=True):
                if where is None or self._platform in where:
                    yield branch.jaxpr, 1
        elif eqn.primitive.name not in ("scan", "while", "cond"):
            for key in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
                if key in params:
                    yield getattr(params[key], "jaxpr", params[key]), 0


def _made(eqn: Any, name: str, args: list[_Array | None]) -> list[_Array]:
    sources = [a for a in args if a]
    if name in TAKING:
        for source in sources:
            source.stored = True
    return [_Array(v.aval, sources, stored=name in MAKING) for v in eqn.outvars]
