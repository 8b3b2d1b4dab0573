"""Configs as rows of dotted keys, and the differences between the configs of several runs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inception_jax.config import flatten

ABSENT = "—"


@dataclass(frozen=True)
class ConfigDifference:
    """A key whose value differs between runs, with its text for each run."""

    key: str
    values: tuple[str, ...]

    @property
    def changed(self) -> tuple[bool, ...]:
        """For each run, whether its value differs from the first run's."""
        return tuple(v != self.values[0] for v in self.values)


def text(value: Any) -> str:
    """A value as JSON; strings without quotes where that is unambiguous."""
    if isinstance(value, str) and value and value == value.strip():
        return value
    return json.dumps(value, ensure_ascii=False)


def differences(configs: Sequence[dict[str, Any]]) -> list[ConfigDifference]:
    """The keys whose values differ, in order of first appearance."""
    flat = [dict(flatten(c)) for c in configs]
    keys = dict.fromkeys(k for f in flat for k in f)
    rows = []
    for key in keys:
        # Compared as JSON: 1 equals 1.0, but not "1" or true.
        values = {_canonical(f[key]) if key in f else None for f in flat}
        if len(values) > 1:
            texts = tuple(text(f[key]) if key in f else ABSENT for f in flat)
            rows.append(ConfigDifference(key, texts))
    return rows


def _canonical(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)
