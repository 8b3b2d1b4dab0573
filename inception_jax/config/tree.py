"""Build, order, flatten and validate a config."""

import os
from collections.abc import Iterator
from typing import Any, cast

from ml_collections import ConfigDict

from inception_jax.config import between, switches
from inception_jax.config.rules import INT32, RENAMED
from inception_jax.config.sections import DEFAULTS, RULES, SECTIONS, Config
from inception_jax.errors import ConfigError, did_you_mean


def new(**sections: Any) -> Config:
    """Build a config from all twelve sections, each with all its keys and no others.

    Raises:
        ConfigError: a section or a key is missing or unknown, or a value breaks its rule.
    """
    check_keys(sections)
    # Overrides take the type of the value here: `epochs=90` must not make 0.5 a wrong type.
    flat = {k: _retyped(as_python(v), RULES[k].kind) for k, v in flatten(sections)}
    return cast(Config, _as_config(nested(flat)))


def as_python(value: Any) -> Any:
    """Convert scalars and arrays of NumPy and JAX, and paths, to what a flag would give."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(map(as_python, value))
    return value.tolist() if hasattr(value, "tolist") else value


class PythonDict(ConfigDict):
    """A `ConfigDict` that keeps numbers of NumPy as Python's, which its type checks require."""

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, as_python(value))


def _as_config(tree: dict[str, Any]) -> PythonDict:
    config = PythonDict()
    for key, value in tree.items():
        config[key] = _as_config(value) if isinstance(value, dict) else value
    return config


def check_keys(config: Any, where: str = "") -> None:
    """Refuse a config whose keys are not exactly those of `RULES`; `where` begins the message.

    Raises:
        ConfigError: names the missing, renamed and unknown keys.
    """
    keys = dict(flatten(config))
    unknown = [k for k in keys if k not in RULES]
    renamed = {RENAMED[k] for k in unknown if k in RENAMED}
    absent = [s for s in SECTIONS if s not in config]
    missing = absent + [k for k in RULES if k not in keys and k.split(".")[0] not in absent]
    missing = [k for k in missing if k not in renamed]
    parts = [f"the config lacks {', '.join(missing)}"] if missing else []
    parts += [_unknown(key, missing or list(RULES)) for key in unknown]
    if parts:
        raise ConfigError(f"{where}{'; '.join(parts)} (sections: {', '.join(SECTIONS)})")


def _unknown(key: str, candidates: list[str]) -> str:
    if key in RENAMED:
        return f"{key!r} is now {RENAMED[key]!r}"
    return f"{key!r} is not a config key{did_you_mean(key, candidates)}"


def ordered(config: Any) -> dict[str, Any]:
    """Convert a config to nested dicts in the order of `RULES`; a `ConfigDict` sorts by name."""
    values = dict(flatten(config))
    return nested({key: values[key] for key in RULES})


def completed(saved: Any) -> dict[str, Any]:
    """The config of an older version's run: keys that it lacks had what is now their default."""
    return nested(DEFAULTS | dict(flatten(saved)))


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Nest the values of dotted keys: `flatten` undone."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        section, _, name = key.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[name] = value
    return tree


def _retyped(value: Any, kind: type) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    return tuple(value) if kind is tuple and isinstance(value, list) else value


def flatten(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and values: `optim.lr`, 0.045."""
    for key, value in config.items():
        if isinstance(value, dict | ConfigDict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def validate(config: Config, of_run: bool = False) -> None:
    """Check every value by its rule, then the rules between sections.

    The config `of_run`, as it was saved, may have values without effect: older runs have them.

    Raises:
        ConfigError: names the key, the expected and the given value, and what to change.
    """
    check_keys(config)
    values = dict(flatten(config))
    for key, rule in RULES.items():
        value = values[key]
        if not rule.admits(value):
            large = type(value) is int and value > INT32 and rule.kind is int
            limit = f" and at most {INT32:,}" if large and "most" not in rule.expected else ""
            raise ConfigError(f"--config.{key}={value}: expected {rule.expected}{limit}")
    between.check(config)
    if not of_run:
        switches.check(config)
