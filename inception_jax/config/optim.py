"""Rules between the keys of the `optim` section, and with the sections that it depends on."""

from collections.abc import Iterator

from inception_jax.config.sections import Config
from inception_jax.errors import ConfigError

ENDING = ("cosine", "polynomial", "onecycle")  # schedules that end with the run
DECAYING = ("staircase", "exponential", "piecewise")  # by optim.decay_rate
# Optimisers that divide by the root of a second moment, with an eps that is usual for them.
ADAPTIVE = {"rmsprop": 1.0, "adam": 1e-8, "adamw": 1e-8, "lamb": 1e-6}
MUON_EPS = (0, 1e-8)  # the default of the section, and what Muon has


def check(c: Config) -> None:
    """Refuse keys of `optim` that cannot work together.

    Raises:
        ConfigError: names the key, the expected and the given value, and what to change.
    """
    for holds, message in (*_schedule(c), *_optimiser(c)):
        if holds:
            raise ConfigError(message)


def _schedule(c: Config) -> Iterator[tuple[bool, str]]:
    o, before = c.optim, c.optim.cold_epochs + c.optim.warmup_epochs
    yield (
        o.schedule in ENDING and before >= c.train.epochs,
        f"--config.optim.warmup_epochs={o.warmup_epochs}: expected fewer than train.epochs="
        f"{c.train.epochs} with optim.cold_epochs={o.cold_epochs}; set "
        f"--config.optim.warmup_epochs=0, or more --config.train.epochs",
    )
    yield (
        bool(o.milestones) != (o.schedule == "piecewise"),
        f"--config.optim.milestones={o.milestones} with --config.optim.schedule={o.schedule}: "
        f"expected milestones with the schedule 'piecewise' and with no other; set both, such as "
        f"--config.optim.schedule=piecewise --config.optim.milestones='(30.0, 60.0)'",
    )
    yield (
        bool(o.milestones) and o.milestones[0] >= c.train.epochs,
        f"--config.optim.milestones={o.milestones}: expected the first below train.epochs="
        f"{c.train.epochs}: the rate would not fall; set earlier ones, or --config.optim.schedule="
        f"constant --config.optim.milestones='()'",
    )
    yield (
        o.schedule in DECAYING and o.decay_rate == 1,
        f"--config.optim.decay_rate=1.0 with --config.optim.schedule={o.schedule}: expected below "
        f"1, such as 0.94: the rate would not fall; or set --config.optim.schedule=constant",
    )
    yield (
        o.schedule == "onecycle" and o.warmup_epochs == 0,
        "--config.optim.warmup_epochs=0.0 with --config.optim.schedule=onecycle: expected the "
        "epochs in which the cycle rises, above 0; or use --config.optim.schedule=cosine",
    )
    yield (
        o.cold_epochs > 0 and o.warmup_start == 0,
        f"--config.optim.cold_epochs={o.cold_epochs} with --config.optim.warmup_start=0.0: "
        f"expected a rate for them; set --config.optim.warmup_start, the share of optim.lr",
    )
    yield (
        before == 0 and (o.warmup_start > 0 or o.warmup_end < 1),
        f"--config.optim.warmup_start={o.warmup_start} or --config.optim.warmup_end="
        f"{o.warmup_end} without a warm-up: expected 0 and 1; set --config.optim.warmup_epochs",
    )
    yield (
        o.floor > 0 and o.schedule == "constant",
        f"--config.optim.floor={o.floor} with --config.optim.schedule=constant: expected 0, since "
        f"a constant rate does not fall; set another schedule",
    )


def _optimiser(c: Config) -> Iterator[tuple[bool, str]]:
    o = c.optim
    yield (
        o.name == "lars" and o.momentum == 0,
        "--config.optim.momentum=0.0 with --config.optim.name=lars: expected above 0, such as 0.9",
    )
    yield (
        o.name in ADAPTIVE and o.eps == 0,
        f"--config.optim.eps=0.0 with --config.optim.name={o.name}: expected above 0, since a "
        f"gradient of 0 would be divided by 0; set --config.optim.eps={ADAPTIVE.get(o.name)}",
    )
    yield (
        o.name == "muon" and o.eps not in MUON_EPS,
        f"--config.optim.eps={o.eps:g} with --config.optim.name=muon: expected 1e-08, which it "
        f"always has; set --config.optim.eps=1e-8",
    )
    for key, off in (("backbone_lr", 1), ("layer_decay", 1), ("lookahead", 0)):
        yield (
            o.fixed_norm and getattr(o, key) != off,
            f"--config.optim.{key}={getattr(o, key)} with --config.optim.fixed_norm=true: expected "
            f"{off}, since a part of a step does not keep the norm; or set "
            f"--config.optim.fixed_norm=false",
        )
    yield (
        o.sam > 0 and o.unfreeze_epochs > 0,
        f"--config.optim.sam={o.sam} with --config.optim.unfreeze_epochs={o.unfreeze_epochs}: "
        f"expected 0 in one of them, since it would also move rows that do not learn yet; set "
        f"--config.optim.unfreeze_epochs=0",
    )
    yield (
        o.loss_scale > 0 and c.model.dtype != "float16",
        f"--config.optim.loss_scale={o.loss_scale:g} with --config.model.dtype={c.model.dtype}: "
        f"expected 0, since {c.model.dtype} has the range of gradients; or "
        f"--config.model.dtype=float16",
    )
