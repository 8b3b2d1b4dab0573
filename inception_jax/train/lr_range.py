"""The learning rate range test (arXiv:1506.01186, section 3.3): one short training, rising rate.

The rate rises exponentially from step to step, from far too small to too large. Where the loss
falls fastest the rate is high enough to learn and low enough to be stable.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax

from inception_jax.config import Config
from inception_jax.data import statistics
from inception_jax.data.sources.open import open_source
from inception_jax.errors import ConfigError, DivergedError
from inception_jax.runtime import compiling
from inception_jax.train import trainer as trainers
from inception_jax.train.sharded_step import RUN

SMOOTHING = 0.9  # decay of the moving average of the losses
BESIDE = 5  # steps on each side of the mean that the result is about: the average lags behind
DIVERGED = 4.0  # times the lowest smoothed loss, as fastai's
SETTLED = 10  # steps before the average says anything


class RangeStep(NamedTuple):
    """One step: its learning rate, the loss before its update, and the losses' average there."""

    lr: float
    loss: float
    smoothed: float


class RangeResult(NamedTuple):
    """What the steps of a range test say.

    Attributes:
        steps: until the loss diverged, or all; `smoothed` is the mean over neighbours.
        diverged: whether it did.
        steepest: the rate at which the smoothed loss falls fastest, by the logarithm of the rate.
        lowest: the rate at which it is lowest.
    """

    steps: tuple[RangeStep, ...]
    diverged: bool
    steepest: float
    lowest: float

    @property
    def suggested(self) -> float:
        """A tenth of the lowest's, but at least the steepest's, which comes before it."""
        return float(f"{min(max(self.lowest / 10, self.steepest), self.lowest):.2g}")


def ramp(config: Config, images: int, steps: int, low: float, high: float) -> Config:
    """The config of the test: its rate rises from `low` to `high` in `steps` steps of full size.

    `images` is the length of an epoch. What depends on the run's length or changes on the way is
    off. The config itself is unchanged.
    """
    c = config.copy_and_resolve_references()
    epochs = c.data.batch_size / images  # of a step
    with c.unlocked():
        c.optim.update(  # the schedule that usually falls
            schedule="exponential", lr=low, decay_rate=high / low, floor=0.0, lr_every="step",
            every_epochs=(steps - 1) * epochs,
            milestones=(), cold_epochs=0.0, warmup_epochs=0.0, warmup_start=0.0, warmup_end=1.0,
            unfreeze_epochs=0.0, head_epochs=0.0,
        )  # fmt: skip
        c.train.update(
            epochs=steps * epochs, sizes=(), size_epochs=(), recalibrate=0, cache_features=False
        )
        c.ema.decay = 0.0
        c.log.monitors = False
    return c


def losses(config: Config, steps: int, low: float, high: float) -> Iterator[tuple[float, float]]:
    """The learning rate and the loss of each step of the config's range test."""
    images = len(open_source(config.data, config.data.train_split))
    if statistics.needed(config):
        channels = statistics.of_training(config)
        config = statistics.with_statistics(config, channels.mean(), channels.std())
    trainer = trainers.build(ramp(config, images, steps, low, high))
    trainer.program.empty_state  # noqa: B018
    start = trainer.start_arrays()
    trainer.program.inherited = frozenset(start or ())
    with compiling.clock("the train step"):
        thread = trainer.compiled.ahead(trainer.stage(1))
        state = trainer.fresh_state(start)
        thread.join()
    batches = trainer.batches(trainer.reader(), 0, lambda: None)
    for step, batch in enumerate(itertools.islice(batches, steps), 1):
        run = trainer.compiled.of(trainer.stage(step))
        state, metrics = run(state, trainer.placed(batch, RUN, step))
        lr, loss = jax.device_get((metrics["lr"], metrics["loss"]))
        yield float(lr), float(loss)


def smoothed(each: Iterator[tuple[float, float]]) -> Iterator[RangeStep]:
    """The steps with their moving average, corrected for its start as Adam's, until it diverges."""
    average, best = 0.0, math.inf
    for n, (lr, loss) in enumerate(each, 1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        value = average / (1 - SMOOTHING**n)
        yield RangeStep(lr, loss, value)
        if not math.isfinite(value) or (n > SETTLED and value > DIVERGED * best):
            return
        best = min(best, value)


def centred(steps: Sequence[RangeStep]) -> list[RangeStep]:
    """The steps with the mean over those on both sides, which is at their rate."""
    losses = [step.loss for step in steps]

    def mean(i: int) -> float:
        beside = min(BESIDE, i, len(losses) - 1 - i)
        return sum(losses[i - beside : i + beside + 1]) / (2 * beside + 1)

    return [step._replace(smoothed=mean(i)) for i, step in enumerate(steps)]


def result(steps: Sequence[RangeStep], planned: int) -> RangeResult:
    """What the steps say, of `planned` ones.

    Raises:
        ConfigError: the loss never falls.
    """
    finite = centred([s for s in steps if math.isfinite(s.smoothed)])
    if len(finite) <= SETTLED + BESIDE:
        raise DivergedError(
            f"the loss is not finite or diverges after {len(steps)} steps, at a learning rate of "
            f"{steps[-1].lr:.2g}: expected more than {SETTLED + BESIDE} steps; give a smaller --low"
        )
    lowest = min(range(SETTLED, len(finite) - BESIDE), key=lambda i: finite[i].smoothed)
    falls = [
        (finite[i + 1].smoothed - finite[i - 1].smoothed, finite[i].lr)
        for i in range(SETTLED, lowest + 1)
    ]
    fall, steepest = min(falls)
    if fall >= 0:
        raise ConfigError(
            f"the loss falls at no rate from {finite[0].lr:.2g} to {finite[-1].lr:.2g}: expected "
            f"one at which the network learns; give a larger --high, or more --steps"
        )
    return RangeResult(tuple(finite), len(steps) < planned, steepest, finite[lowest].lr)
