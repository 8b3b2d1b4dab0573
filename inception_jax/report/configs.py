"""The differences between the configs of several runs, as text."""

import json
from collections.abc import Sequence
from typing import Any

from inception_jax.config import flatten

ABSENT = "—"


def text(value: Any) -> str:
    """A value as JSON; strings without quotes where that is unambiguous."""
    if isinstance(value, str) and value and value == value.strip():
        return value
    return json.dumps(value, ensure_ascii=False)


def differences(configs: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """The text of the values, one for each run, of each key whose values differ."""
    flat = [dict(flatten(c)) for c in configs]
    rows = {}
    for key in dict.fromkeys(k for f in flat for k in f):
        # Compared as JSON: 1 equals 1.0, but not "1" or true.
        if len({_canonical(f[key]) if key in f else None for f in flat}) > 1:
            rows[key] = [text(f[key]) if key in f else ABSENT for f in flat]
    return rows


def _canonical(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)
