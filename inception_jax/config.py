"""The config: eleven sections of plain values, the fragments pages are made of, and their rules.

A page in `configs/` returns `new(...)` with every section; shared values come from the fragment
functions below. `validate` holds every rule that needs no data, model or device.
"""

import difflib
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from inception_jax.errors import ConfigError

SECTIONS = (
    "seed", "data", "model", "loss", "optim", "ema", "train", "eval", "checkpoint", "mesh", "log",
)  # fmt: skip


INT32 = 2**31 - 1


class Rule(NamedTuple):
    """What a value must be: its type, a test, and the words an error uses."""

    kind: type
    holds: Callable[[Any], bool]
    expected: str

    def admits(self, value: Any) -> bool:
        """Whether the value has the type, is finite, and passes the test."""
        kinds = {float: (int, float), tuple: (tuple, list)}.get(self.kind, (self.kind,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and self.kind is not bool):
            return False
        return not (isinstance(value, float) and not math.isfinite(value)) and self.holds(value)


def whole(low: int, high: int | None = None, or_: int | None = None) -> Rule:
    """An integer from `low` to `high` (if not given: to what 32 bits hold), or the one `or_`."""
    top = "" if high is None else f" and at most {high:,}"
    words = f"a whole number of at least {low}{top}{'' if or_ is None else f', or {or_}'}"
    most = INT32 if high is None else high
    return Rule(int, lambda v: low <= v <= most or v == or_, words)


def real(low: float, high: float = math.inf, above: bool = False, below: bool = False) -> Rule:
    """A finite number from `low` to `high`; `above`, `below`: the end itself is excluded."""
    top = "" if high == math.inf else f" and {'below' if below else 'at most'} {high:g}"
    words = f"a finite number {'above' if above else 'of at least'} {low:g}{top}"

    def holds(v: float) -> bool:
        return (v > low if above else v >= low) and (v < high if below else v <= high)

    return Rule(float, holds, words)


def choice(*names: str) -> Rule:
    """One of some words."""
    return Rule(str, lambda v: v in names, "one of " + ", ".join(repr(n) for n in names))


def span(low: float, high: float, example: str) -> Rule:
    """An ordered pair of numbers between `low` and `high`."""
    part = real(low, high, above=True)
    return Rule(
        tuple,
        lambda v: len(v) == 2 and all(map(part.admits, v)) and v[0] <= v[1],
        f"two rising numbers above {low:g} and at most {high:g}, such as {example}",
    )


TEXT = Rule(str, lambda v: True, "a text")
SWITCH = Rule(bool, lambda v: True, "true or false")

RULES: dict[str, Rule] = {
    "seed": whole(0, INT32),
    "data.source": choice("digits", "folder", "tfds"),
    "data.name": TEXT,  # of a tensorflow-datasets set
    "data.dir": TEXT,  # of a folder tree, or tensorflow-datasets' data_dir
    "data.train_split": TEXT,
    "data.classes": whole(2),
    "data.image_size": whole(1),  # pixels
    "data.batch_size": whole(1),  # images a step, over all devices
    "data.crop": choice("inception", "pad", "central"),
    "data.area": span(0, 1, "(0.08, 1.0)"),  # of the inception crop
    "data.aspect": span(0, 100, "(0.75, 1.33)"),  # of the inception crop
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
    "optim.momentum": real(0, 1, below=True),
    "optim.nesterov": SWITCH,
    "optim.decay": real(0, 1, below=True),  # of RMSProp's second moment
    "optim.eps": real(0),
    "optim.weight_decay": real(0),  # AdamW's, decoupled
    "optim.schedule": choice("staircase", "cosine", "constant"),
    "optim.factor": real(0, 1, above=True),  # of the staircase
    "optim.every_epochs": real(0, above=True),  # of the staircase
    "optim.warmup_epochs": real(0),
    "optim.clip": real(0),  # global norm; 0 is off
    "optim.accumulate": whole(1),  # microbatches a step
    "ema.decay": real(0, 1, below=True),  # 0 is off; 1 would never move
    "train.epochs": real(0, above=True),
    "eval.split": TEXT,
    "eval.batch_size": whole(1),
    "eval.every_epochs": real(0, above=True),
    "checkpoint.every_epochs": real(0, above=True),
    "checkpoint.keep": whole(1),
    "checkpoint.init": TEXT,  # a workdir whose parameters to start from; empty: fresh
    "mesh.data": whole(1, or_=-1),  # devices the batch is split over; -1: all that are left
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
    check_keys(sections)
    # Overrides are parsed by the type found here, so `epochs=90` must not refuse 0.5 later.
    retype = {float: lambda v: float(v) if type(v) is int else v, tuple: _as_tuple}
    flat = {k: retype.get(RULES[k].kind, _same)(v) for k, v in flatten(sections)}
    return ConfigDict(_nested(flat))


def check_keys(config: Any, where: str = "") -> None:
    """Refuses a config that has not exactly the keys of `RULES`; `where` begins the message.

    Raises:
        ConfigError: names the sections and keys that are missing or unknown.
    """
    keys = dict(flatten(config))
    absent = [s for s in SECTIONS if s not in config]
    missing = absent + [k for k in RULES if k not in keys and k.split(".")[0] not in absent]
    unknown = [k for k in keys if k not in RULES]
    parts = [f"the config lacks {', '.join(missing)}"] if missing else []
    for key in unknown:
        near = difflib.get_close_matches(key, missing or RULES, 1)
        parts.append(f"{key!r} is no key of ours" + (f", {near[0]!r} is" if near else ""))
    if parts:
        raise ConfigError(f"{where}{'; '.join(parts)} (sections: {', '.join(SECTIONS)})")


def ordered(config: Any) -> dict[str, Any]:
    """The config as nested plain dicts, sections and keys in the order of `RULES`.

    `ConfigDict` sorts by name, which tears apart what belongs together.
    """
    values = dict(flatten(config))
    return _nested({key: values[key] for key in RULES})


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        section, _, name = key.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[name] = value
    return tree


def _same(value: Any) -> Any:
    return value


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def flatten(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values: `optim.lr`, 0.045."""
    for key, value in config.items():
        if isinstance(value, dict | ConfigDict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def validate(config: Any) -> None:
    """Checks every value by its rule, and the rules between sections.

    Raises:
        ConfigError: names the key, what was expected, what came, and what to change.
    """
    check_keys(config)
    values = dict(flatten(config))
    for key, rule in RULES.items():
        value = values[key]
        if not rule.admits(value):
            large = type(value) is int and value > INT32 and rule.kind is int
            limit = f" and at most {INT32:,}" if large and "most" not in rule.expected else ""
            raise ConfigError(f"--config.{key}={value}: expected {rule.expected}{limit}")
    _between_sections(config)


def _between_sections(c: Any) -> None:
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
        f"--config.model.bn_group={group}: expected a divisor of data.batch_size / "
        f"optim.accumulate = {micro}, or 0 for the whole batch",
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


KINDS = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}


def parse_arg(arg: str, **defaults: Any) -> Any:
    """A page's argument `key=value,flag` as an object with the defaults' types.

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
    """The value of `text` as a `kind`, or None."""
    if kind is str:
        return text
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower())
    try:
        return kind(text)
    except ValueError:
        return None


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
