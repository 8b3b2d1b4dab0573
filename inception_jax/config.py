"""The config: eleven sections of plain values, the fragments pages are made of, and their rules.

A page in `configs/` returns `new(...)` with every section; shared values come from the fragment
functions below. `validate` holds every rule that needs no data, model or device.
"""

import ast
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from inception_jax.errors import ConfigError

SECTIONS = (
    "seed", "data", "model", "loss", "optim", "ema", "train", "eval", "checkpoint", "mesh", "log",
)  # fmt: skip


class Rule(NamedTuple):
    """What a value must be: its type, a test, and the words an error uses."""

    kind: type
    holds: Callable[[Any], bool]
    expected: str


def whole(low: int, high: int = 2**31 - 1) -> Rule:
    """An integer from `low` to `high`."""
    top = "" if high == 2**31 - 1 else f" and at most {high}"
    return Rule(int, lambda v: low <= v <= high, f"a whole number of at least {low}{top}")


def real(low: float, high: float = math.inf, above: bool = False) -> Rule:
    """A finite number from `low` to `high`; `above`: `low` itself is excluded."""
    top = "" if high == math.inf else f" and at most {high:g}"
    words = f"a finite number {'above' if above else 'of at least'} {low:g}{top}"
    return Rule(float, lambda v: (v > low if above else v >= low) and v <= high, words)


def choice(*names: str) -> Rule:
    """One of some words."""
    return Rule(str, lambda v: v in names, "one of " + ", ".join(repr(n) for n in names))


def span(low: float, high: float) -> Rule:
    """An ordered pair of numbers between `low` and `high`."""
    return Rule(
        tuple,
        lambda v: len(v) == 2 and low < v[0] <= v[1] <= high,
        f"two rising numbers above {low:g} and at most {high:g}",
    )


TEXT = Rule(str, lambda v: True, "a text")
SWITCH = Rule(bool, lambda v: True, "true or false")

RULES: dict[str, Rule] = {
    "seed": whole(0),
    "data.source": choice("digits", "folder", "tfds"),
    "data.name": TEXT,  # of a tensorflow-datasets set
    "data.dir": TEXT,  # of a folder tree, or tensorflow-datasets' data_dir
    "data.train_split": TEXT,
    "data.classes": whole(2),
    "data.image_size": whole(1),  # pixels
    "data.batch_size": whole(1),  # images a step, over all devices
    "data.crop": choice("inception", "pad", "central"),
    "data.area": span(0, 1),  # of the inception crop
    "data.aspect": span(0, 100),  # of the inception crop
    "data.pad": whole(0),  # pixels of the pad crop
    "data.eval_crop": real(0, 1, above=True),  # share of the image that the central crop keeps
    "data.resize": choice("stretch", "short_side"),
    "data.interpolation": choice("bilinear", "bicubic", "area", "lanczos", "random"),
    "data.flip": SWITCH,
    "data.colour": choice("none", "slim", "original", "fast"),
    "data.cache": SWITCH,  # keep decoded images in memory
    "data.threads": whole(1, 1024),
    "model.name": TEXT,
    "model.dialect": TEXT,
    "model.num_classes": whole(2),
    "model.width": real(0, 16, above=True),
    "model.stem": choice("paper", "small"),
    "model.aux": SWITCH,
    "model.dropout": real(0, 0.99),  # rate dropped
    "model.bn_group": whole(0),  # images; 0 is the whole batch
    "model.bn_decay": real(0, 1),
    "model.dtype": choice("float32", "bfloat16", "float16", "float64"),
    "loss.label_smoothing": real(0, 0.99),
    "loss.aux_weight": real(0),  # of each auxiliary head
    "loss.l2": real(0),  # times half the squared norm of the kernels
    "optim.name": choice("sgd", "rmsprop", "adam", "adamw"),
    "optim.lr": real(0, above=True),
    "optim.momentum": real(0, 1),
    "optim.nesterov": SWITCH,
    "optim.decay": real(0, 1),  # of RMSProp's second moment
    "optim.eps": real(0),
    "optim.weight_decay": real(0),  # AdamW's, decoupled
    "optim.schedule": choice("staircase", "cosine", "constant"),
    "optim.factor": real(0, 1, above=True),  # of the staircase
    "optim.every_epochs": real(0, above=True),  # of the staircase
    "optim.warmup_epochs": real(0),
    "optim.clip": real(0),  # global norm; 0 is off
    "optim.accumulate": whole(1),  # microbatches a step
    "ema.decay": real(0, 1),  # 0 is off
    "train.epochs": real(0, above=True),
    "eval.split": TEXT,
    "eval.batch_size": whole(1),
    "eval.every_epochs": real(0, above=True),
    "checkpoint.every_epochs": real(0, above=True),
    "checkpoint.keep": whole(1),
    "checkpoint.init": TEXT,  # a workdir whose parameters to start from; empty: fresh
    "mesh.data": whole(-1),  # devices the batch is split over; -1: all that are left
    "mesh.model": whole(1),  # devices large parameters are split over
    "log.every_steps": whole(1),
    "log.tensorboard": SWITCH,
    "log.track": choice("none", "wandb", "mlflow"),
}


def new(**sections: Any) -> ConfigDict:
    """A config from its sections, which must be all eleven, with all their keys and no others.

    Raises:
        ConfigError: a section or a key is missing or unknown, or a value breaks its rule.
    """
    if set(sections) != set(SECTIONS):
        raise ConfigError(f"a page has the sections {', '.join(SECTIONS)}; got {list(sections)}")
    config = ConfigDict({name: sections[name] for name in SECTIONS})
    keys = dict(flatten(config))
    if missing := [k for k in RULES if k not in keys]:
        raise ConfigError(f"the page lacks {', '.join(missing)}")
    if unknown := [k for k in keys if k not in RULES]:
        raise ConfigError(f"the page has unknown keys {', '.join(unknown)}")
    return config


def flatten(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values, in order: `optim.lr`, 0.045."""
    for key, value in config.items():
        if isinstance(value, dict | ConfigDict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def validate(config: ConfigDict) -> None:
    """Checks every value by its rule, and the rules between sections.

    Raises:
        ConfigError: names the key, what was expected, what came, and what to change.
    """
    for key, value in flatten(config):
        rule = RULES[key]
        kind = (int, float) if rule.kind is float else (tuple, list) if rule.kind is tuple else rule.kind
        typed = isinstance(value, kind) and (rule.kind is bool or not isinstance(value, bool))
        if not typed or not _finite(value) or not rule.holds(value):
            raise ConfigError(f"--config.{key}={value}: expected {rule.expected}")
    _between_sections(config)


def _finite(value: Any) -> bool:
    parts = value if isinstance(value, tuple | list) else (value,)
    return all(not isinstance(p, float) or math.isfinite(p) for p in parts)


def _between_sections(c: ConfigDict) -> None:
    d, m, o = c.data, c.model, c.optim

    def refuse(holds: bool, message: str) -> None:
        if holds:
            raise ConfigError(message)

    refuse(
        m.num_classes not in (d.classes, d.classes + 1, d.classes + 8),
        f"--config.model.num_classes={m.num_classes}: expected data.classes={d.classes} "
        f"(or one more, with a background class, or eight more, as in the 1008 of FID)",
    )
    refuse(d.source == "folder" and not d.dir, "--config.data.dir is empty: name a folder tree")
    refuse(d.source == "tfds" and not d.name, "--config.data.name is empty: name a TFDS set")
    refuse(
        d.crop == "pad" and d.pad >= d.image_size,
        f"--config.data.pad={d.pad}: expected less than data.image_size={d.image_size}",
    )
    micro, left = divmod(d.batch_size, o.accumulate)
    refuse(
        left != 0,
        f"--config.optim.accumulate={o.accumulate}: expected a divisor of data.batch_size="
        f"{d.batch_size}",
    )
    group = m.bn_group
    refuse(
        group > 0 and micro % group != 0,
        f"--config.model.bn_group={group}: expected a divisor of data.batch_size / optim.accumulate "
        f"= {micro}",
    )
    refuse(
        group == 0 and o.accumulate > 1,
        f"--config.model.bn_group=0 with --config.optim.accumulate={o.accumulate}: BatchNorm over "
        f"the whole batch cannot be accumulated; set model.bn_group to {micro} or a divisor of it",
    )
    refuse(
        o.schedule == "cosine" and o.warmup_epochs >= c.train.epochs,
        f"--config.optim.warmup_epochs={o.warmup_epochs}: expected fewer than train.epochs="
        f"{c.train.epochs}",
    )


# --- fragments: what pages share; keyword-only, and no default for anything a paper states ---


def parse_arg(arg: str, **defaults: Any) -> Any:
    """A page's argument `key=value,flag` as an object with the defaults' types.

    Raises:
        ConfigError: an unknown key, or a value of another type.
    """
    values = dict(defaults)
    for part in filter(None, arg.split(",")):
        key, _, text = part.partition("=")
        if key not in defaults:
            known = ", ".join(defaults) or "no arguments"
            raise ConfigError(f"page argument {key!r}: this page knows {known}")
        kind = type(defaults[key])
        try:
            value = text if kind is str else ast.literal_eval(text or "True")
            value = float(value) if kind is float and isinstance(value, int) else value
        except (ValueError, SyntaxError):
            value = text
        if type(value) is not kind:
            raise ConfigError(f"page argument {part!r}: expected {kind.__name__}, got {text!r}")
        values[key] = value
    return ConfigDict(values)


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
) -> dict[str, Any]:
    """The `data` section; the defaults are GoogLeNet's crop and TF-slim's evaluation."""
    return dict(locals())


def imagenet(*, image_size: int, batch_size: int, colour: str, interpolation: str, **more: Any):
    """The `data` section for ILSVRC 2012 from tensorflow-datasets, its own format and splits."""
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
    dtype: str = "float32",
) -> dict[str, Any]:
    """The `model` section."""
    return dict(locals())


def staircase(*, lr: float, factor: float, every_epochs: float, warmup_epochs: float = 0.0):
    """A learning rate multiplied by `factor` every `every_epochs` epochs."""
    return dict(locals()) | {"schedule": "staircase"}


def cosine(*, lr: float, warmup_epochs: float):
    """A learning rate that rises linearly, then falls to zero along a half cosine."""
    return dict(locals()) | {"schedule": "cosine", "factor": 1.0, "every_epochs": 1.0}


def _optimizer(name: str, schedule: dict[str, Any], **more: Any) -> dict[str, Any]:
    off = {"momentum": 0.0, "nesterov": False, "decay": 0.0, "eps": 0.0, "weight_decay": 0.0}
    return {"name": name, **off, "clip": 0.0, "accumulate": 1, **schedule, **more}


def sgd(*, schedule: dict[str, Any], momentum: float, nesterov: bool = False, **more: Any):
    """The `optim` section for SGD with momentum."""
    return _optimizer("sgd", schedule, momentum=momentum, nesterov=nesterov, **more)


def rmsprop(*, schedule: dict[str, Any], decay: float, momentum: float, eps: float, **more: Any):
    """The `optim` section for RMSProp as TensorFlow defines it."""
    return _optimizer("rmsprop", schedule, decay=decay, momentum=momentum, eps=eps, **more)


def adamw(*, schedule: dict[str, Any], weight_decay: float, eps: float = 1e-8, **more: Any):
    """The `optim` section for Adam with decoupled weight decay (betas 0.9 and 0.999)."""
    return _optimizer("adamw", schedule, weight_decay=weight_decay, eps=eps, **more)


def checkpoints(*, every_epochs: float, keep: int = 2, init: str = "") -> dict[str, Any]:
    """The `checkpoint` section."""
    return dict(locals())


def logs(*, every_steps: int, tensorboard: bool = True, track: str = "none") -> dict[str, Any]:
    """The `log` section."""
    return dict(locals())


def mesh(*, data: int = -1, model: int = 1) -> dict[str, Any]:
    """The `mesh` section: all devices on the `data` axis by default."""
    return dict(locals())
