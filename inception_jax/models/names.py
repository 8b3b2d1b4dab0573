"""Checks a name against the known ones."""

from collections.abc import Sequence

from inception_jax.errors import did_you_mean


def known(what: str, name: str, choices: Sequence[str]) -> str:
    """`name`, if it is one of `choices`.

    Raises:
        ValueError: otherwise; the message lists the choices and the nearest one.
    """
    if name not in choices:
        hint = did_you_mean(str(name), choices)
        raise ValueError(f"unknown {what} {name!r}, expected one of {', '.join(choices)}{hint}")
    return name
