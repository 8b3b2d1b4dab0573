"""Keys that do nothing without another one: they have their default there.

They are refused in a new config only, as older runs have them.
"""

from collections.abc import Iterator
from operator import attrgetter

from inception_jax.config.keys import DEFAULTS
from inception_jax.config.sections import Config
from inception_jax.errors import ConfigError


def check(c: Config) -> None:
    """Refuse a key that is set where nothing reads it.

    Raises:
        ConfigError: names the key, the one that switches it on, and the values of both.
    """
    for key, switch, on, value in pairs(c):
        given, now = attrgetter(key, switch)(c)
        if not on and given != DEFAULTS[key]:
            raise ConfigError(
                f"--config.{key}={given} with --config.{switch}={now}: expected {DEFAULTS[key]}, "
                f"since nothing reads it there; or --config.{switch}={value}"
            )


def pairs(c: Config) -> Iterator[tuple[str, str, bool, str]]:
    """(Key, the key that switches it on, whether it is on, a value with which it is)."""
    d, a, o = c.data, c.augment, c.optim
    for key in ("data.area", "data.aspect"):
        yield key, "data.crop", d.crop not in ("pad", "central"), "inception"
    yield "data.pad", "data.crop", d.crop == "pad", "pad"
    yield "data.fold", "data.folds", d.folds > 0, "5"
    yield "data.label_columns", "data.labels", d.labels != "", "labels.csv"
    yield "data.files", "data.source", d.source == "folder", "folder"
    yield "augment.operations", "augment.policy", a.policy != "none", "randaugment"
    for key in ("augment.num_ops", "augment.magnitude", "augment.magnitude_std"):
        yield key, "augment.policy", a.policy == "randaugment", "randaugment"
    yield "augment.magnitude_std", "augment.operations", a.operations == "timm", "timm"
    for key in ("augment.mix_probability", "augment.mix_per"):
        yield key, "augment.mixup", a.mixup > 0 or a.cutmix > 0, "0.2"
    yield "augment.switch_probability", "augment.mixup", a.mixup > 0, "0.2"
    yield "augment.switch_probability", "augment.cutmix", a.cutmix > 0, "1"
    yield "augment.erasing_fill", "augment.erasing", a.erasing > 0, "0.25"
    for key in ("optim.adam_lr", "optim.fixed_norm"):
        yield key, "optim.name", o.name == "muon", "muon"
    yield "optim.trust", "optim.name", o.name == "lars", "lars"
    yield "optim.power", "optim.schedule", o.schedule == "polynomial", "polynomial"
    yield "optim.nesterov", "optim.momentum", o.momentum > 0, "0.9"
    yield "optim.decay_mask", "optim.weight_decay", o.weight_decay > 0, "1e-4"
    yield "optim.lookahead_rate", "optim.lookahead", o.lookahead > 0, "5"
    for key in ("optim.agc", "model.drop_path", "model.drop_branch"):
        # A frozen backbone is evaluated.
        yield key, "optim.backbone_lr", o.backbone_lr > 0, "1"
        yield key, "optim.freeze_until", o.freeze_until != "logits", ""
    table = d.labels != ""
    yield "loss.example_weights", "data.labels", table, "labels.csv"
    effective = c.loss.class_weights == "effective"
    yield "loss.effective_beta", "loss.class_weights", effective, "effective"
    cosine = c.loss.name in ("cosface", "arcface")
    yield "loss.margin", "loss.name", cosine or c.loss.name == "triplet", "cosface"
    yield "loss.scale", "loss.name", cosine, "cosface"
    yield "loss.delta", "loss.name", c.loss.name == "huber", "huber"
    for key in ("loss.temperature", "loss.teacher_weight"):
        yield key, "loss.teacher", c.loss.teacher != "", "WORKDIR"
