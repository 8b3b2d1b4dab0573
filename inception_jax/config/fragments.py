"""Fragments shared by config pages: keyword-only, without defaults for what a paper states."""

import difflib
import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from ml_collections import ConfigDict

from inception_jax.config.rules import RENAMED
from inception_jax.errors import ConfigError

P = ParamSpec("P")
R = TypeVar("R")

KINDS = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}


def parse_arg(arg: str, **defaults: Any) -> Any:
    """Parse a page's argument `key=value,flag`; values take the types of the defaults.

    Raises:
        ConfigError: an unknown key, or a value of another type.
    """
    values = dict(defaults)
    for part in filter(None, map(str.strip, arg.split(","))):
        key, equals, text = map(str.strip, part.partition("="))
        if key not in defaults:
            near = difflib.get_close_matches(key, defaults, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            known = ", ".join(f"{k}={v}" for k, v in defaults.items()) or "no arguments"
            raise ConfigError(f"page argument {key!r}: this page knows {known}{hint}")
        kind = type(defaults[key])
        value = _literal(text, kind) if equals else True
        if type(value) is not kind:
            raise ConfigError(f"page argument {part!r}: expected {KINDS[kind]}, got {text!r}")
        values[key] = value
    return ConfigDict(values)


def _literal(text: str, kind: type) -> Any:
    """Convert `text` to a `kind`; None if it is not one."""
    if kind is str:
        return text
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower())
    try:
        return kind(text)
    except ValueError:
        return None


def _refuse_renamed(section: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a fragment refuse keywords under an old name, with the new one in the message."""

    def decorate(fragment: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(fragment)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            for old in kwargs:
                if new := RENAMED.get(f"{section}.{old}"):
                    name = f"{fragment.__module__.split('.')[1]}.{fragment.__name__}"
                    raise ConfigError(f"{name}({old}=...) is now {name}({new.split('.')[1]}=...)")
            return fragment(*args, **kwargs)

        return checked

    return decorate


def source(
    *,
    source: str,
    classes: int,
    image_size: int,
    batch_size: int,
    train_split: str = "train",
    name: str = "",
    dir: str = "",
    crop: str = "inception",
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
    pad: int = 0,
    eval_crop: float = 0.875,
    resize: str = "stretch",
    interpolation: str = "bilinear",
    flip: bool = True,
    colour: str = "none",
    cache: bool = False,
    threads: int = 2,
    processes: int = 0,
) -> dict[str, Any]:
    """The `data` section; by default GoogLeNet's crop and TF-slim's evaluation."""
    return dict(locals())


def imagenet(*, image_size: int, batch_size: int, colour: str, interpolation: str, **more: Any):
    """The `data` section for ILSVRC 2012 from tensorflow-datasets."""
    return source(
        source="tfds",
        name="imagenet2012",
        classes=1000,
        image_size=image_size,
        batch_size=batch_size,
        colour=colour,
        interpolation=interpolation,
        threads=16,
        **more,
    )


@_refuse_renamed("model")
def model(
    name: str,
    *,
    num_classes: int,
    dropout: float,
    bn_group: int,
    bn_decay: float,
    dialect: str = "",
    width: float = 1.0,
    stem: str = "paper",
    aux: bool = True,
    drop_rows: tuple[str, ...] = (),
    normalization: str = "",
    residual_scale: float = 0.0,
    dtype: str = "float32",
) -> dict[str, Any]:
    """The `model` section."""
    return dict(locals())


@_refuse_renamed("optim")
def staircase(*, lr: float, decay_rate: float, every_epochs: float, warmup_epochs: float = 0.0):
    """A learning rate that is multiplied by `decay_rate` every `every_epochs` epochs."""
    return dict(locals()) | {"schedule": "staircase"}


def cosine(*, lr: float, warmup_epochs: float):
    """A learning rate with linear warmup and cosine decay to zero."""
    return dict(locals()) | {"schedule": "cosine", "decay_rate": 1.0, "every_epochs": 1.0}


def _optimizer(name: str, schedule: dict[str, Any], **more: Any) -> dict[str, Any]:
    off = {"momentum": 0.0, "nesterov": False, "decay": 0.0, "eps": 0.0, "weight_decay": 0.0}
    return {
        "name": name,
        **off,
        "clip": 0.0,
        "accumulate": 1,
        "backbone_lr": 1.0,
        **schedule,
        **more,
    }


def sgd(*, schedule: dict[str, Any], momentum: float, nesterov: bool = False, **more: Any):
    """The `optim` section for SGD with momentum."""
    return _optimizer("sgd", schedule, momentum=momentum, nesterov=nesterov, **more)


def rmsprop(*, schedule: dict[str, Any], decay: float, momentum: float, eps: float, **more: Any):
    """The `optim` section for RMSProp as TensorFlow defines it."""
    return _optimizer("rmsprop", schedule, decay=decay, momentum=momentum, eps=eps, **more)


def adamw(*, schedule: dict[str, Any], weight_decay: float, eps: float = 1e-8, **more: Any):
    """The `optim` section for Adam with decoupled weight decay (betas 0.9 and 0.999)."""
    return _optimizer("adamw", schedule, weight_decay=weight_decay, eps=eps, **more)


def muon(*, schedule: dict[str, Any], momentum: float, weight_decay: float = 0.0, **more: Any):
    """The `optim` section for Muon with Nesterov momentum; see `inception_jax.train.optim.muon`."""
    more = {"momentum": momentum, "nesterov": True, "weight_decay": weight_decay, **more}
    return _optimizer("muon", schedule, eps=1e-8, **more)


def train(
    *,
    epochs: float,
    recompute: str = "none",
    vmem: int = 0,
    on_divergence: str = "stop",
    rollbacks: int = 3,
    rollback_factor: float = 1.0,
    watchdog: float = 300.0,
) -> dict[str, Any]:
    """The `train` section."""
    return dict(locals())


def checkpoints(
    *,
    every_epochs: float,
    keep: int = 2,
    keep_every_epochs: float = 0.0,
    keep_best: int = 0,
    init: str = "",
) -> dict[str, Any]:
    """The `checkpoint` section."""
    return dict(locals())


def logs(
    *,
    every_steps: int,
    tensorboard: bool = True,
    track: str = "none",
    monitors: bool = False,
    profile: int = 0,
) -> dict[str, Any]:
    """The `log` section."""
    return dict(locals())


def mesh(
    *, data: int = -1, model: int = 1, zero: bool = False, reduce: str = "auto"
) -> dict[str, Any]:
    """The `mesh` section; by default all devices are on the `data` axis."""
    return dict(locals())
