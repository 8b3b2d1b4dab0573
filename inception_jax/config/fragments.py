"""Fragments shared by config pages: sections with the defaults of `sections.py`.

What a paper states has no default. `tree.new` refuses what is missing or unknown.
"""

from typing import Any

from ml_collections import ConfigDict

from inception_jax.config import keys, sections
from inception_jax.errors import ConfigError, did_you_mean

KINDS = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}


def parse_arg(arg: str, **defaults: Any) -> Any:
    """Parse a page's argument `key=value,flag`; values take the types of the defaults.

    A tuple as a default has the possible values, the default first.

    Raises:
        ConfigError: an unknown key, or a value of another type or that is not possible.
    """
    choices = {k: v for k, v in defaults.items() if type(v) is tuple}
    defaults |= {k: possible[0] for k, possible in choices.items()}
    values = dict(defaults)
    for part in filter(None, map(str.strip, arg.split(","))):
        key, equals, text = map(str.strip, part.partition("="))
        if key not in defaults:
            known = ", ".join(
                f"{k}={'|'.join(map(str, choices.get(k, (v,))))}" for k, v in defaults.items()
            )
            hint = _key_of(key, choices) or did_you_mean(key, defaults)
            raise ConfigError(
                f"page argument {key!r}: this page knows {known or 'no arguments'}{hint}"
            )
        kind = type(defaults[key])
        value = _literal(text, kind) if equals else True
        if type(value) is not kind:
            raise ConfigError(f"page argument {part!r}: expected {KINDS[kind]}, got {text!r}")
        if value not in choices.get(key, (value,)):
            raise ConfigError(
                f"page argument {part!r}: expected one of {', '.join(map(str, choices[key]))}"
                f"{_key_of(text, choices) or did_you_mean(text, choices[key])}"
            )
        values[key] = value
    return ConfigDict(values)


def _key_of(value: str, choices: dict[str, Any]) -> str:
    """A hint at the argument that has this value; empty if none has."""
    found = [key for key, possible in choices.items() if value in possible]
    return f"; did you mean {found[0]}={value}?" if found else ""


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


def _section(section: type, **values: Any) -> dict[str, Any]:
    return keys.defaults(section) | values


def source(**values: Any) -> dict[str, Any]:
    """The `data` section; by default GoogLeNet's crop and TF-slim's evaluation."""
    return _section(sections.Data, **values)


def imagenet(*, colour: str, interpolation: str, **more: Any) -> dict[str, Any]:
    """The `data` section for ILSVRC 2012 from tensorflow-datasets."""
    own = dict(source="tfds", name="imagenet2012", classes=1000)
    return source(colour=colour, interpolation=interpolation, **own, **more)


def augment(**values: Any) -> dict[str, Any]:
    """The `augment` section; by default it does nothing."""
    return _section(sections.Augment, **values)


def model(name: str, **values: Any) -> dict[str, Any]:
    """The `model` section."""
    return _section(sections.Model, name=name, **values)


def loss(**values: Any) -> dict[str, Any]:
    """The `loss` section; by default cross-entropy without a teacher."""
    return _section(sections.Loss, **values)


def staircase(*, warmup_epochs: float = 0.0, **values: Any) -> dict[str, Any]:
    """A learning rate `lr` that is multiplied by `decay_rate` every `every_epochs` epochs."""
    return {"schedule": "staircase", "warmup_epochs": warmup_epochs, **values}


def cosine(*, lr: float, warmup_epochs: float) -> dict[str, Any]:
    """A learning rate with linear warmup and cosine decay to zero."""
    return rate("cosine", lr=lr, warmup_epochs=warmup_epochs)


def rate(schedule: str, *, lr: float, warmup_epochs: float = 0.0, **values: Any) -> dict[str, Any]:
    """A learning rate by any schedule; see `inception_jax.train.optim.schedule`."""
    own = {"schedule": schedule, "lr": lr, "warmup_epochs": warmup_epochs}
    return {"decay_rate": 1.0, "every_epochs": 1.0, **own, **values}


def sgd(*, schedule: dict[str, Any], momentum: float, **more: Any) -> dict[str, Any]:
    """The `optim` section for SGD with momentum."""
    return _section(sections.Optim, name="sgd", momentum=momentum, **schedule, **more)


def rmsprop(
    *, schedule: dict[str, Any], decay: float, momentum: float, eps: float, **more: Any
) -> dict[str, Any]:
    """The `optim` section for RMSProp as TensorFlow defines it."""
    more = {"decay": decay, "momentum": momentum, "eps": eps, **schedule, **more}
    return _section(sections.Optim, name="rmsprop", **more)


def adamw(
    *, schedule: dict[str, Any], weight_decay: float, eps: float = 1e-8, **more: Any
) -> dict[str, Any]:
    """The `optim` section for Adam with decoupled weight decay (betas 0.9 and 0.999)."""
    more = {"weight_decay": weight_decay, "eps": eps, **schedule, **more}
    return _section(sections.Optim, name="adamw", **more)


def muon(*, schedule: dict[str, Any], momentum: float, **more: Any) -> dict[str, Any]:
    """The `optim` section for Muon with Nesterov momentum; see `inception_jax.train.optim.muon`."""
    more = {"momentum": momentum, "nesterov": True, "eps": 1e-8, **schedule, **more}
    return _section(sections.Optim, name="muon", **more)


def optimizer(name: str, *, schedule: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The `optim` section for any optimiser."""
    return _section(sections.Optim, name=name, **schedule, **values)


def evaluation(**values: Any) -> dict[str, Any]:
    """The `eval` section; by default one crop of an image."""
    return _section(sections.Eval, **values)


def train(**values: Any) -> dict[str, Any]:
    """The `train` section."""
    return _section(sections.Train, **values)


def checkpoints(**values: Any) -> dict[str, Any]:
    """The `checkpoint` section."""
    return _section(sections.Checkpoint, **values)


def logs(**values: Any) -> dict[str, Any]:
    """The `log` section."""
    return _section(sections.Log, **values)


def mesh(**values: Any) -> dict[str, Any]:
    """The `mesh` section; by default all devices are on the `data` axis."""
    return _section(sections.Mesh, **values)
