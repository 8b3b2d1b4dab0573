"""Configs as rows: a nested config flattened to dotted keys, and where several runs differ."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inception_jax.config import SECTIONS, flatten

ABSENT = "—"


@dataclass(frozen=True)
class ConfigDifference:
    """A key on which runs disagree, its text in each, and which texts are not the first run's."""

    key: str
    values: tuple[str, ...]

    @property
    def changed(self) -> tuple[bool, ...]:
        """For each run, whether it departs from the first one."""
        return tuple(v != self.values[0] for v in self.values)


def ordered(config: dict[str, Any]) -> dict[str, Any]:
    """The config with its sections as its page has them, and unknown ones last."""
    known = [key for key in SECTIONS if key in config]
    return {key: config[key] for key in known} | config


def text(value: Any) -> str:
    """A leaf as JSON, strings without their quotes where nothing is lost."""
    if isinstance(value, str) and value and value == value.strip():
        return value
    return json.dumps(value, ensure_ascii=False)


def differences(configs: Sequence[dict[str, Any]]) -> list[ConfigDifference]:
    """The keys that do not have the same value in every config, in order of first appearance."""
    flat = [dict(flatten(c)) for c in configs]
    keys = dict.fromkeys(k for f in flat for k in f)
    rows = []
    for key in keys:
        # Compared as JSON: 1 and 1.0 are one value, 1 and "1" or true are not.
        seen = {_canonical(f[key]) if key in f else None for f in flat}
        if len(seen) > 1:
            rows.append(
                ConfigDifference(key, tuple(text(f[key]) if key in f else ABSENT for f in flat))
            )
    return rows


def _canonical(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)
