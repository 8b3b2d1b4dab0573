"""Rules between the keys that freeze rows, BatchNorm's averages, and stored features."""

from collections.abc import Iterator

from inception_jax.config.sections import Config
from inception_jax.errors import ConfigError

# (model.name, model.dialect) of the networks without BatchNorm: no rule of groups concerns them.
# A test compares these with the networks themselves, which a config does not import.
WITHOUT_NORM = {(n, d) for n in ("googlenet", "googlenet_naive") for d in ("", "paper")}


def check(c: Config) -> None:
    """Refuse keys that cannot work together where rows are frozen.

    Raises:
        ConfigError: names the key, the expected and the given value, and what to change.
    """
    for holds, message in (*_rows(c), *_averages(c), *_features(c)):
        if holds:
            raise ConfigError(message)


def _rows(c: Config) -> Iterator[tuple[bool, str]]:
    o = c.optim
    frozen = "freeze_until=logits" if o.freeze_until == "logits" else "backbone_lr=0.0"
    yield (
        (o.backbone_lr == 0 or o.freeze_until == "logits")
        and (o.layer_decay < 1 or o.unfreeze_epochs > 0 or o.head_epochs > 0),
        f"--config.optim.{frozen} with --config.optim.layer_decay={o.layer_decay}, "
        f"--config.optim.unfreeze_epochs={o.unfreeze_epochs} and --config.optim.head_epochs="
        f"{o.head_epochs}: expected 1, 0 and 0, since a frozen backbone has no rates; set "
        f"--config.optim.{'freeze_until=' if o.freeze_until else 'backbone_lr=1'}",
    )
    yield (
        o.freeze_until != "" and o.backbone_lr == 0,
        f"--config.optim.freeze_until={o.freeze_until} with --config.optim.backbone_lr=0.0: "
        f"expected a rate for the rows from there on; set --config.optim.backbone_lr=0.1, or "
        f"--config.optim.freeze_until=logits --config.optim.backbone_lr=1",
    )
    yield (
        o.head_epochs > 0 and bool(o.sam or c.train.sizes or c.loss.teacher),
        f"--config.optim.head_epochs={o.head_epochs}: expected 0 with optim.sam={o.sam}, "
        f"train.sizes={c.train.sizes} and loss.teacher={c.loss.teacher!r}: the classifier learns "
        f"on features, not on images; set --config.optim.head_epochs=0",
    )


def _averages(c: Config) -> Iterator[tuple[bool, str]]:
    o, m, t = c.optim, c.model, c.train
    yield (
        t.recalibrate > 0 and (o.backbone_lr == 0 or o.freeze_until == "logits"),
        f"--config.train.recalibrate={t.recalibrate} with --config.optim.backbone_lr="
        f"{o.backbone_lr:g} and --config.optim.freeze_until={o.freeze_until}: a "
        f"frozen backbone keeps BatchNorm's averages; set --config.train.recalibrate=0",
    )
    yield (
        t.recalibrate > 0 and m.bn_frozen,
        f"--config.train.recalibrate={t.recalibrate} with --config.model.bn_frozen=true: "
        f"expected one of them, since BatchNorm keeps its averages; set "
        f"--config.train.recalibrate=0, or --config.model.bn_frozen=false",
    )
    yield (
        m.bn_frozen and (m.name, m.dialect) in WITHOUT_NORM,
        f"--config.model.bn_frozen=true: {m.name} has no BatchNorm; set "
        f"--config.model.bn_frozen=false, or --config.model.dialect=slim",
    )


def _features(c: Config) -> Iterator[tuple[bool, str]]:
    d, m, t = c.data, c.model, c.train
    changing = {
        "data.crop": (d.crop, "central"), "data.flip": (d.flip, False),
        "data.colour": (d.colour, "none"), "augment.policy": (c.augment.policy, "none"),
        "augment.mixup": (c.augment.mixup, 0), "augment.cutmix": (c.augment.cutmix, 0),
        "augment.erasing": (c.augment.erasing, 0), "augment.repeats": (c.augment.repeats, 1),
        "train.sizes": (t.sizes, ()), "loss.teacher": (c.loss.teacher, ""),
        "model.aux": (m.aux, False),
    }  # fmt: skip
    others = [f"--config.{k}={want}" for k, (now, want) in changing.items() if now != want]
    yield (
        t.cache_features and not c.optim.freeze_until,
        "--config.train.cache_features=true with --config.optim.freeze_until=: expected rows "
        "that are frozen; set --config.optim.freeze_until to the first row that learns",
    )
    yield (
        t.cache_features and bool(others),
        f"--config.train.cache_features=true: expected images that are the same in every epoch "
        f"and that nothing else reads; set {' '.join(others)}, or "
        f"--config.train.cache_features=false",
    )
