"""The names in a run's folder of checkpoints, and which of them are steps: one rule for all."""

import os
import re
from pathlib import Path

from inception_jax.errors import shown
from inception_jax.runtime import distributed
from inception_jax.workdir import reading

SAVING, DELETING, ORBAX = ".saving", ".deleting", ".orbax-checkpoint-tmp"
NAMED = 5  # odd names in a line

_STEP = "(0|[1-9][0-9]{0,17})"
_BAD = re.compile(rf"bad-{_STEP}(\.[0-9]{{1,5}})?")
_LEFTOVER = re.compile(
    rf"{_STEP}(?:{re.escape(SAVING)}(?:{re.escape(ORBAX)}.*)?|{re.escape(DELETING)})", re.DOTALL
)


def number(name: str) -> int | None:
    """The step of a name: ASCII digits as `str` writes them; None for any other name."""
    return int(name) if re.fullmatch(_STEP, name) else None


def bad_number(name: str) -> int | None:
    """The step of bad-<step> or bad-<step>.<number>; None for any other name."""
    match = _BAD.fullmatch(name)
    return int(match[1]) if match else None


def is_leftover(name: str) -> bool:
    """Whether a killed save or deletion has left it."""
    return bool(_LEFTOVER.fullmatch(name))


def steps(directory: Path) -> list[int]:
    """The steps, rising, good or not, whatever stands under their names.

    Prints a line, once, to standard error about names that are none of the package's.
    """
    names = _names(directory)
    odd = [n for n in names if number(n) is None and bad_number(n) is None and not is_leftover(n)]
    if odd and distributed.first():
        more = f" and {len(odd) - NAMED} more" if len(odd) > NAMED else ""
        reading.note(
            f"{directory}: passed over, no steps: {', '.join(map(shown, odd[:NAMED]))}{more}"
        )
    return sorted(step for name in names if (step := number(name)) is not None)


def renamed(directory: Path) -> list[str]:
    """The names of steps that were renamed as not good, by step."""
    named = [(n, name) for name in _names(directory) if (n := bad_number(name)) is not None]
    return [name for _, name in sorted(named)]


def _names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory)) if directory.is_dir() else []
