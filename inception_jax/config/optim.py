"""Rules between the keys of the `optim` section, and with the sections that it depends on."""

from collections.abc import Iterator

from inception_jax.config.sections import Config
from inception_jax.errors import ConfigError

ENDING = ("cosine", "polynomial", "onecycle")  # schedules that end with the run


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
        o.name == "lamb" and o.eps == 0,
        "--config.optim.eps=0.0 with --config.optim.name=lamb: expected above 0, such as 1e-6: a "
        "gradient of 0 would be divided by 0",
    )
    for key, off in (("adam_lr", 1.0), ("fixed_norm", False)):
        yield (
            o.name != "muon" and getattr(o, key) != off,
            f"--config.optim.{key}={getattr(o, key)} with --config.optim.name={o.name}: expected "
            f"{off}, since this key is of Muon; or --config.optim.name=muon",
        )
    yield (
        o.decay_mask != "kernels" and o.weight_decay == 0,
        f"--config.optim.decay_mask={o.decay_mask} with --config.optim.weight_decay=0.0: expected "
        f"a decay to act; set --config.optim.weight_decay",
    )
    yield (
        o.backbone_lr == 0 and (o.layer_decay < 1 or o.unfreeze_epochs > 0),
        f"--config.optim.backbone_lr=0.0 with --config.optim.layer_decay={o.layer_decay} and "
        f"--config.optim.unfreeze_epochs={o.unfreeze_epochs}: expected 1 and 0, since a frozen "
        f"backbone has no rates; set --config.optim.backbone_lr=1",
    )
    yield (
        o.lookahead_rate != 0.5 and o.lookahead == 0,
        f"--config.optim.lookahead_rate={o.lookahead_rate} with --config.optim.lookahead=0: "
        f"expected the steps between those of the slow weights, such as --config.optim.lookahead=5",
    )
    yield (
        o.loss_scale > 0 and c.model.dtype != "float16",
        f"--config.optim.loss_scale={o.loss_scale:g} with --config.model.dtype={c.model.dtype}: "
        f"expected 0, since {c.model.dtype} has the range of gradients; or "
        f"--config.model.dtype=float16",
    )
