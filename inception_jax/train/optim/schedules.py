"""Learning rates by step; schedules count epochs, not steps."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import jax.numpy as jnp
import optax

Schedule = Callable[[Any], Any]


def schedule(c: Any, *, epochs: float, steps_per_epoch: float) -> Schedule:
    """The learning rate as a function of the step (0 for the first).

    With `x` the epochs before the step, r = decay_rate, d = every_epochs, f = floor, and `t` the
    share of the way from the end of the warm-up to the end of the run, the rate is lr times

        constant     1
        staircase    max(r^floor(x / d), f)
        exponential  max(r^(x / d), f)                      torch's ExponentialLR, for f = 0
        piecewise    max(r^(milestones at or before x), f)  torch's MultiStepLR, for f = 0
        cosine       f + (1 - f) (1 + cos(pi t)) / 2        arXiv:1608.03983, timm's
        polynomial   f + (1 - f) (1 - t)^power              timm's; power 1 is a line
        onecycle     the cosine                             optax's and torch's, arXiv:1708.07120

    Before that it is warmup_start for `cold_epochs`, and then, for `warmup_epochs` of n steps, at
    the k-th from 0, warmup_start + (warmup_end - warmup_start) (k + 1) / n; of onecycle a cosine of
    k / n instead. No floor acts on it.

    Edges between epochs are whole steps computed here, exact at any batch size, not a rounded
    division inside the step. With lr_every="epoch" the rate is that of a run of one step an epoch:
    it holds for an epoch, as in timm and torch.

    tensorflow/tpu's Inception-v3 with its warm-up (models/experimental/inception/inception_v3.py:
    peak l = 0.165 batch / 256, r = 0.94 every d = 3 epochs, c = 2 cold and w = 7 warm-up epochs) is
    lr=l, schedule="staircase", lr_every="epoch", cold_epochs=c, warmup_epochs=w+d, floor=1e-4, and,
    with a = r^((w + c) / d), warmup_start=0.1 a, warmup_end=a (0.1 + 0.9 (w + d) / (w + d - 1)):
    0.083 and 0.914. Without the warm-up, its default, it is the staircase and the floor alone. Its
    decays are floor(d steps_per_epoch) steps apart, so that the n-th may be n steps earlier.
    """
    if c.lr_every == "step":
        return _by_step(c, epochs, steps_per_epoch)
    of_epoch = _by_step(c, epochs, 1.0)
    firsts = _edges(range(1, math.ceil(epochs)), steps_per_epoch)
    return lambda step: of_epoch(_passed(firsts, step))


def _by_step(c: Any, epochs: float, steps_per_epoch: float) -> Schedule:
    ends = (c.cold_epochs, c.cold_epochs + c.warmup_epochs, epochs)
    cold, warm, last = _edges(ends, steps_per_epoch)  # the first steps after
    total = max(last, warm + 1)
    before = _cosine_up if c.schedule == "onecycle" else _line_up
    after = _after_warmup(c, warm, total, epochs, steps_per_epoch)

    def rate(step: Any) -> Any:
        value = after(step)
        return jnp.where(step < warm, before(c, step, cold, warm), value) if warm else value

    return rate


def _after_warmup(c: Any, warm: int, total: int, epochs: float, steps_per_epoch: float) -> Schedule:
    if c.schedule in ("cosine", "onecycle"):
        return _cosine_down(c, warm, total)
    if c.schedule == "polynomial":
        return _of_floats(
            optax.polynomial_schedule(c.lr, c.floor * c.lr, c.power, total - warm, warm)
        )
    if c.schedule == "exponential":
        every = c.every_epochs * steps_per_epoch
        return _falling(c, lambda step: jnp.asarray(step, jnp.float32) / every)
    milestones: Iterable[float] = ()
    if c.schedule == "staircase":
        count = math.floor(epochs / c.every_epochs)
        milestones = [k * c.every_epochs for k in range(1, count + 1)]
    elif c.schedule == "piecewise":
        milestones = c.milestones
    edges = _edges(milestones, steps_per_epoch)
    if not edges:
        return lambda step: jnp.asarray(c.lr)
    return _falling(c, lambda step: _passed(edges, step).astype(jnp.float32))


def _falling(c: Any, decays: Callable[[Any], Any]) -> Schedule:
    """The rate after the number of decays, a float, that `decays` has for a step."""

    def rate(step: Any) -> Any:
        value = c.lr * c.decay_rate ** decays(step)
        return jnp.maximum(value, c.floor * c.lr) if c.floor else value

    return rate


def _cosine_down(c: Any, warm: int, total: int) -> Schedule:
    """As optax's, whose other order of operations would change the last bit of older runs."""

    def rate(step: Any) -> Any:
        share = (jnp.asarray(step, jnp.float32) - warm) / (total - warm)
        depth = c.lr * (1 - c.floor)
        value = depth * 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip(share, 0, 1)))
        return c.floor * c.lr + value if c.floor else value

    return rate


def _of_floats(rate: Schedule) -> Schedule:
    """`rate` of a step as a float, as strict promotion has it: optax divides it."""
    return lambda step: rate(jnp.asarray(step, jnp.float32))


def _line_up(c: Any, step: Any, cold: int, warm: int) -> Any:
    low, high = c.warmup_start * c.lr, c.warmup_end * c.lr
    done = jnp.asarray(step, jnp.float32) + 1
    done = jnp.maximum(done - cold, 0) if cold else done
    rise = (high - low) * done / max(warm - cold, 1)
    return low + rise if low else rise


def _cosine_up(c: Any, step: Any, cold: int, warm: int) -> Any:
    share = (jnp.asarray(step, jnp.float32) - cold) / max(warm - cold, 1)
    depth = c.lr * (c.warmup_end - c.warmup_start)
    return c.warmup_start * c.lr + depth * 0.5 * (1 - jnp.cos(jnp.pi * jnp.clip(share, 0, 1)))


def _edges(epochs: Iterable[float], steps_per_epoch: float) -> list[int]:
    """The first step at or after each epoch; a hair off absorbs the rounding of the product."""
    return [math.ceil(e * steps_per_epoch - 1e-6) for e in epochs]


def _passed(edges: list[int], step: Any) -> Any:
    """The number of edges at or before a step."""
    if not edges:
        return jnp.zeros((), jnp.int32)
    return jnp.searchsorted(jnp.asarray(edges), step, side="right")
