"""Every key of a config, read from the annotations of `sections`: its rule, default, choices."""

import typing
from typing import Annotated, Any, Literal

from inception_jax.config.rules import PLAIN, Rule, choice
from inception_jax.config.sections import Sections


def _rules(hint: Any, key: str) -> dict[str, Rule]:
    """The rule of a key by its annotation; of a section, those of its keys."""
    if hint in PLAIN:
        return {key: PLAIN[hint]}
    if typing.get_origin(hint) is Literal:
        return {key: choice(*typing.get_args(hint))}
    if typing.get_origin(hint) is Annotated:
        return {key: hint.__metadata__[0]}
    rules = {}
    for name, kind in typing.get_type_hints(hint, include_extras=True).items():
        rules |= _rules(kind, f"{key}.{name}".lstrip("."))
    return rules


RULES = _rules(Sections, "")
SECTIONS = tuple(typing.get_type_hints(Sections))

# Keys that were renamed: refused under the old name, with the new one in the message.
RENAMED = {
    "model.pixels": "model.normalization",
    "model.without": "model.drop_rows",
    "optim.factor": "optim.decay_rate",
    "optim.trunk": "optim.backbone_lr",
}


def defaults(section: type) -> dict[str, Any]:
    """The keys of a section that have a default, with it."""
    return {
        key: getattr(section, key)
        for key in typing.get_type_hints(section)
        if hasattr(section, key)
    }


DEFAULTS = {
    f"{name}.{key}": value
    for name, section in typing.get_type_hints(Sections).items()
    for key, value in (defaults(section) if section is not int else {}).items()
}
