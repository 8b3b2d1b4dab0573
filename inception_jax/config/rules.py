"""Rules: what the value of a config key must be, and the words for it in error messages."""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

INT32 = 2**31 - 1
PATH = "a path (./None for one of that name)"


class Rule(NamedTuple):
    """The type of a value, a test, and the words for what is expected in an error message."""

    kind: type
    holds: Callable[[Any], bool]
    expected: str
    auto: int | None = None  # what the word stands for in a flag
    choices: tuple[str, ...] = ()  # the words that are possible, if they are listed

    def admits(self, value: Any) -> bool:
        """Return whether the value has the type, is finite, and passes the test."""
        return self.fits(value) and self.holds(value)

    def fits(self, value: Any) -> bool:
        """Return whether the value has the type and is finite."""
        kinds = {float: (int, float), tuple: (tuple, list)}.get(self.kind, (self.kind,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and self.kind is not bool):
            return False
        return not (isinstance(value, float) and not math.isfinite(value))


def whole(
    low: int, high: int | None = None, or_: int | None = None, auto: int | None = None
) -> Rule:
    """An integer from `low` to `high` (by default the largest int32), `or_`, or `auto`."""
    words = f"a whole number of at least {low}"
    words += "" if high is None else f" and at most {high:,}"
    words += "" if or_ is None else f", or {or_}"
    words += "" if auto is None else f", or auto ({auto})"
    most = INT32 if high is None else high
    return Rule(int, lambda v: low <= v <= most or v in (or_, auto), words, auto)


def real(low: float, high: float = math.inf, above: bool = False, below: bool = False) -> Rule:
    """A finite number from `low` to `high`; `above` and `below` exclude the end itself."""
    top = "" if high == math.inf else f" and {'below' if below else 'at most'} {high:g}"
    words = f"a finite number {'above' if above else 'of at least'} {low:g}{top}"

    def holds(v: float) -> bool:
        return (v > low if above else v >= low) and (v < high if below else v <= high)

    return Rule(float, holds, words)


def choice(*names: str) -> Rule:
    """One of the given words."""
    words = "one of " + ", ".join(repr(n) for n in names)
    return Rule(str, lambda v: v in names, words, choices=names)


def path() -> Rule:
    """A path; not `None`, which a script writes for a value that it does not have."""
    return Rule(str, lambda v: v != "None", PATH)


def span(low: float, high: float, example: str) -> Rule:
    """An ordered pair of numbers between `low` and `high`."""
    part = real(low, high, above=True)
    return Rule(
        tuple,
        lambda v: len(v) == 2 and all(map(part.admits, v)) and v[0] <= v[1],
        f"two rising numbers above {low:g} and at most {high:g}, such as {example}",
    )


def pair(low: float, high: float) -> Rule:
    """Two numbers from `low` to below `high`."""
    part = real(low, high, below=True)
    return Rule(
        tuple,
        lambda v: len(v) == 2 and all(map(part.admits, v)),
        f"two numbers of at least {low:g} and below {high:g}, such as (0.9, 0.999)",
    )


def rising(low: float) -> Rule:
    """Rising numbers above `low`; there may be none."""
    part = real(low, above=True)
    return Rule(
        tuple,
        lambda v: all(map(part.admits, v)) and all(a < b for a, b in itertools.pairwise(v)),
        f"rising numbers above {low:g}, such as (30.0, 60.0)",
    )


def naturals() -> Rule:
    """Whole numbers of at least 1; there may be none."""
    part = whole(1)
    return Rule(tuple, lambda v: all(map(part.admits, v)), "whole numbers, such as (128, 160)")


def weights() -> Rule:
    """Weights of classes by a rule, or by their names."""
    words = ("none", "balanced", "effective")

    def weight(pair: str) -> bool:
        name, _, value = pair.rpartition("=")
        try:
            return bool(name) and 0 <= float(value) < math.inf
        except ValueError:
            return False

    return Rule(
        str,
        lambda v: v in words or all(map(weight, v.split(","))),
        "none, balanced, effective, or weights by class, such as cat=2,dog=0.5",
    )


def numbers(above: float = -math.inf) -> Rule:
    """Finite numbers `above` one; there may be none."""
    part = real(above, above=True)
    words = "finite numbers" + ("" if above == -math.inf else f" above {above:g}")
    return Rule(
        tuple, lambda v: all(map(part.admits, v)), f"{words}, such as (125.3, 123.0, 113.9)"
    )


# Of a key that is annotated with a type alone.
PLAIN = {
    str: Rule(str, lambda v: True, "a text"),
    bool: Rule(bool, lambda v: True, "true or false", choices=("true", "false")),
    tuple[str, ...]: Rule(tuple, lambda v: all(isinstance(n, str) for n in v), "a tuple of names"),
}
