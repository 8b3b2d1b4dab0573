"""Checks a name against the known ones."""

import difflib
from collections.abc import Sequence


def known(what: str, name: str, choices: Sequence[str]) -> str:
    """`name`, if it is one of `choices`.

    Raises:
        ValueError: otherwise; the message lists the choices and the nearest one.
    """
    if name not in choices:
        near = difflib.get_close_matches(str(name), choices, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown {what} {name!r}, expected one of {', '.join(choices)}{hint}")
    return name
