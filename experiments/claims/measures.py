"""What is measured of a run, from the lines of its metrics.jsonl."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Lines = Sequence[dict[str, Any]]
CHANCE = 0.1  # top-1 of ten classes
DEAD = 0.15  # top-1 below which a run counts as dead


@dataclass(frozen=True)
class Measure:
    """A number of a run.

    Attributes:
        of: gives it from the run's lines and the text after the colon.
        says: what it is.
        higher: whether more is better.
        percent: whether it is a share.
        binary: whether it is 0 or 1 for a run.
    """

    of: Callable[[Lines, str], float]
    says: str
    higher: bool
    percent: bool
    binary: bool = False


def evaluations(lines: Lines) -> list[tuple[float, float]]:
    """(epoch, top-1) of each evaluation on the test images."""
    return [(x["epoch"], x["top1"]) for x in lines if x["split"] not in ("train", "monitors")]


def to_the_end(lines: Lines, epochs: float) -> Lines:
    """The lines of a run; one that diverged guesses from there on."""
    if any(at > 0.99 * epochs for at, _ in evaluations(lines)):
        return lines
    return [*lines, {"split": "test", "epoch": epochs, "top1": CHANCE}]


def top1(lines: Lines, _: str) -> float:
    """At the end."""
    return evaluations(lines)[-1][1]


def early(lines: Lines, epoch: str) -> float:
    """At the first evaluation from an epoch on."""
    return next(value for at, value in evaluations(lines) if at >= float(epoch) - 1e-3)


def epochs_to(lines: Lines, accuracy: str) -> float:
    """Epochs until an accuracy, linear between evaluations; the length of the run if never."""
    wanted, before = float(accuracy), (0.0, CHANCE)
    for at, value in evaluations(lines):
        if value >= wanted:
            return before[0] + (at - before[0]) * (wanted - before[1]) / (value - before[1])
        before = at, value
    return before[0]


def dead(lines: Lines, _: str) -> float:
    """1 for a run that ends at chance."""
    return float(evaluations(lines)[-1][1] < DEAD)


def gradients(lines: Lines) -> list[tuple[float, float]]:
    """(epoch, gradient norm of the first convolution) of each line of the monitors."""
    return [(x["epoch"], x["grad_norm"]["conv1"]) for x in lines if x["split"] == "monitors"]


def first_gradient(lines: Lines, epoch: str) -> float:
    """Mean gradient norm of the first convolution until an epoch."""
    return statistics.fmean(norm for at, norm in gradients(lines) if at <= float(epoch))


MEASURES = {
    "top1": Measure(top1, "test top-1", True, True),
    "early": Measure(early, "test top-1 at epoch {:g}", True, True),
    "epochs_to": Measure(epochs_to, "epochs to a test top-1 of {:.0%}", False, False),
    "dead": Measure(dead, "share of runs that end at chance", False, True, True),
    "first_gradient": Measure(first_gradient, "gradient norm of conv1 to epoch {:g}", True, False),
}


def find(name: str) -> Measure:
    """The measure of `NAME[:ARGUMENT]`."""
    return MEASURES[name.partition(":")[0]]


def value(lines: Lines, name: str) -> float:
    """The measure `NAME[:ARGUMENT]` of a run."""
    return find(name).of(lines, name.partition(":")[2])


def words(name: str) -> str:
    """What the measure `NAME[:ARGUMENT]` is."""
    argument = name.partition(":")[2]
    return find(name).says.format(float(argument) if argument else "")
