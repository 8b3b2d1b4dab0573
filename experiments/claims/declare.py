"""What a claim's `claim.py` declares before anything is trained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inception_jax import models
from inception_jax.models.describe import describe

NETWORKS = "experiments/claims/networks"  # of the repository, in which the commands run
Overrides = Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """One thing that the paper says of two arms, as the difference of their means.

    Attributes:
        says: in words, for the table.
        arm: the arm that is said to be better, or to end the same.
        than: the other one.
        at_least: by how much it must be better to be reproduced, in the measure's unit; below 0:
            by how much it may be worse.
        within: for arms said to end the same: the largest difference that counts as none.
        measure: of `measures.MEASURES`, with its argument after a colon.
    """

    says: str
    arm: str
    than: str
    at_least: float = 0.0
    within: float | None = None
    measure: str = "top1"


@dataclass(frozen=True)
class Count:
    """A number of the paper that is counted, not trained.

    Attributes:
        says: what is counted.
        paper: the paper's number; None where it has none, which gives no verdict.
        ours: what the network's table gives.
        tolerance: the relative difference up to which it is reproduced.
    """

    says: str
    paper: float | None
    ours: float
    tolerance: float = 0.05


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper, and how it is tried.

    Attributes:
        title: a few words.
        paper: its arXiv number.
        place: section, table or figure.
        sentence: what the paper says, in its words or ours.
        hypothesis: what is expected here, and why.
        arms: overrides of the page by name; they differ in one thing.
        comparisons: all must come out for "reproduced".
        counts: gives the numbers that are counted.
        config: overrides that all arms share.
        rates: the learning rates that each arm is tried with, on a held-out tenth of train; none:
            all have that of the page or of `config`.
        rate_of: by arm: another arm whose best rate it takes, and the factor on it.
        seeds: of the runs at the best rate, on the test images.
        epochs: length of the arm `base`.
        base: the arm whose arithmetic all have: others train for as many FLOP. Empty: all train for
            `epochs`.
        every: epochs between evaluations; 0: one at the end.
        crops: protocols that all networks are evaluated with, alone, in each ensemble of three and
            in that of all; `arms` has one network, and the comparisons are of `CROPS x NETWORKS` on
            the same images.
        full: overrides on ImageNet, at full width unless they say otherwise.
        full_arms: further overrides of an arm there.
        limits: what cannot be seen at this scale, and why.
    """

    title: str
    paper: str
    place: str
    sentence: str
    hypothesis: str
    arms: Mapping[str, Overrides]
    comparisons: Sequence[Comparison]
    counts: Callable[[], Sequence[Count]] = list
    config: Overrides = field(default_factory=dict)
    rates: Sequence[float] = (0.1, 0.3, 1.0)
    rate_of: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    seeds: Sequence[int] = (1, 2, 3)
    epochs: float = 3.0
    base: str = ""
    every: float = 0.0
    crops: Sequence[str] = ()
    full: Overrides = field(default_factory=dict)
    full_arms: Mapping[str, Overrides] = field(default_factory=dict)
    limits: str = ""


def macs(network: str, dialect: str, row: str) -> int:
    """Multiply-adds of a row of a network on small images, at full width."""
    model = models.create(network, num_classes=10, dialect=dialect, stem="small")
    return next(r.macs for r in describe(model).rows if r.name == row)
