"""What a listing of images leaves out: counted by reason, and named up to ten."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inception_jax.errors import shown

NAMED = 10


class LeftOut:
    """Names in folders that are no images, by reason; a listing of millions keeps ten of each."""

    def __init__(self, saved: Mapping[str, Any] | None = None):
        self._counts = Counter[str]()
        self._names = defaultdict[str, list[str]](list)
        for reason, row in (saved or {}).items():
            self._counts[reason], self._names[reason] = row["count"], row["names"]

    def __len__(self) -> int:
        return self._counts.total()

    def add(self, reason: str, name: str) -> None:
        """Add a name, its path below the folder that is listed."""
        self._counts[reason] += 1
        if len(self._names[reason]) < NAMED:
            self._names[reason].append(name)

    def add_all(self, other: "LeftOut", where: str = "") -> None:
        """Add the names of another listing, that of the folder `where` in this one."""
        for reason, count in other._counts.items():
            names = [os.path.join(where, name) for name in other._names[reason]]
            self._counts[reason] += count
            self._names[reason] = (self._names[reason] + names)[:NAMED]

    def json(self) -> dict[str, Any]:
        """The number and the first names of each reason."""
        return {
            reason: {"count": count, "names": self._names[reason]}
            for reason, count in self._counts.items()
        }

    def lines(self, where: str) -> Iterator[str]:
        """A line about the folder or split `where`, then one for each reason; none without any."""
        if self:
            yield f"{shown(where)}: {len(self):,} left out"
        for reason, count in self._counts.items():
            yield f"  {reason} ({count:,}): {first_few(self._names[reason], count)}"


def first_few(names: Sequence[str], count: int | None = None) -> str:
    """The first ten of `count` names: `a, b, c and 997 more`."""
    count = len(names) if count is None else count
    more = f" and {count - NAMED:,} more" if count > NAMED else ""
    return ", ".join(map(shown, names[:NAMED])) + more
