"""In turn: each part's contestants one after the other, `rounds` times, each in its own process."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TextIO

from inception_jax.bench.page import number
from inception_jax.bench.parts import PARTS
from inception_jax.bench.process import FailedError
from inception_jax.bench.record import Record
from inception_jax.progress import duration

Call = Callable[["Turn"], tuple[dict[str, Any], int]]  # -> figures, bytes at most


class Turn(NamedTuple):
    """Who runs what, in which round, counted from 1."""

    part: str
    who: str
    round: int


def order(contestants: Mapping[str, Sequence[str]], rounds: int) -> list[Turn]:
    """All turns: part by part; every other round backwards, so that no one always comes first."""
    return [
        Turn(part, who, number)
        for part, names in contestants.items()
        for number in range(1, rounds + 1)
        for who in (names if number % 2 else reversed(names))
    ]


def play(turns: Sequence[Turn], record: Record, call: Call, say: TextIO | None = None) -> None:
    """Measures what the record does not have, and says each figure and the time that is left.

    A peer that fails is left out from then on.

    Raises:
        FailedError: ours failed.
    """
    say = say or sys.stderr
    left = [t for t in turns if not record.has(*t)]
    if len(left) < len(turns):
        print(f"{len(turns) - len(left)} of {len(turns)} were measured before", file=say)
    clock, failed = Clock(), set()
    for i, turn in enumerate(left):
        name = (turn.part, turn.who)
        if name in failed:
            continue
        began = time.monotonic()
        try:
            figures, peak = call(turn)
        except FailedError as e:
            if turn.who == "ours":
                raise
            failed.add(name)
            print(f"{turn.part}: {turn.who} failed and is left out: {e}", file=say, flush=True)
            continue
        clock.note(name, time.monotonic() - began)
        record.add({**turn._asdict(), "figures": figures, "peak_bytes": peak})
        rest = [(t.part, t.who) for t in left[i + 1 :]]
        print(
            f"{i + 1}/{len(left)}  {turn.part}  {turn.who}  round {turn.round}/{turns[-1].round}  "
            f"{_figure(turn.part, figures)}  {clock.words([n for n in rest if n not in failed])}",
            file=say, flush=True,
        )  # fmt: skip


class Clock:
    """How long it took, and will take by what the same took before."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._seconds: dict[tuple[str, str], float] = {}

    def note(self, name: tuple[str, str], seconds: float) -> None:
        """What a turn took."""
        self._seconds[name] = seconds

    def words(self, rest: Sequence[tuple[str, str]]) -> str:
        """The time that went by, and that of the turns that are left."""
        mean = sum(self._seconds.values()) / len(self._seconds)
        left = sum(self._seconds.get(name, mean) for name in rest)
        gone = duration(time.monotonic() - self._began)
        return f"{gone} gone, about {duration(left)} left" if rest else f"{gone} in all"


def _figure(part: str, figures: Mapping[str, Any]) -> str:
    there = [f for f in PARTS[part].figures if f.key in figures]
    return ", ".join(f"{number(figures[f.key])} {f.unit}" for f in there)
