"""A claim's results, of the run files in its folder."""

import functools
import json
import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import measures
import numpy as np
import page
import verdict
from declare import Claim, Comparison, Count
from measures import Lines

from inception_jax.eval import interval
from inception_jax.eval.protocols import COUNTS
from inception_jax.sweep import folder
from inception_jax.sweep.trial import Trial

HERE = Path(__file__).resolve().parent
COUNTED = "counts.json"  # beside the runs: what `count` gave
IMAGES = {"cifar10": 50_000, "imagenet": 1_281_167}  # of an epoch


@dataclass(frozen=True)
class Arm:
    """An arm and its runs on the test images.

    Attributes:
        name: of the claim's `arms`.
        rate: its learning rate.
        rates: top-1 on the held-out images by rate, where it was chosen.
        flops: of training on one image.
        params: of the network that is evaluated.
        epochs: length of a run.
        images: of an epoch.
        runs: lines of metrics.jsonl, by seed.
        right: where networks are evaluated in several ways: the share of them, or of ensembles,
            that is right, of each test image.
    """

    name: str
    rate: float
    rates: dict[float, float]
    flops: float
    params: int
    epochs: float
    images: int
    runs: dict[int, Lines]
    right: np.ndarray | None = None

    @property
    def pflop(self) -> float:
        """Of one run."""
        return self.flops * self.epochs * self.images / 1e15

    def values(self, measure: str) -> list[float]:
        """A measure of each run, by seed."""
        return [measures.value(lines, measure) for _, lines in sorted(self.runs.items())]

    def mean(self, measure: str) -> float:
        """A measure's mean."""
        return statistics.fmean(self.values(measure))


@dataclass(frozen=True)
class Results:
    """A claim with what was found; `name` is that of its folder, or `NAME,times=5`."""

    name: str
    claim: Claim
    arms: dict[str, Arm]
    plan: dict[str, Any] | None = None  # of a run on ImageNet-1k, as cost.py has it

    @functools.cached_property
    def comparisons(self) -> list[Comparison]:
        """Those of the claim; `@ARM` in a measure is the accuracy at which that arm ends."""
        return [
            replace(c, measure=re.sub(r"@(\w+)", self._end, c.measure))
            for c in self.claim.comparisons
        ]

    def _end(self, found: re.Match[str]) -> str:
        return f"{self.arms[found[1]].mean('top1'):.4f}"

    @functools.cached_property
    def measures(self) -> list[str]:
        """All that are compared, top-1 first."""
        return list(dict.fromkeys(["top1", *(c.measure for c in self.comparisons)]))

    @functools.cached_property
    def counts(self) -> list[Count]:
        """What is counted."""
        return list(self.claim.counts())

    @functools.cached_property
    def found(self) -> list[verdict.Found]:
        """The outcome of each comparison."""
        return [self._compare(c) for c in self.comparisons]

    def _compare(self, c: Comparison) -> verdict.Found:
        arm, than = self.arms[c.arm].right, self.arms[c.than].right
        if arm is not None and than is not None:
            return verdict.compare_images(c, arm, than)
        return verdict.compare(c, {a.name: a.values(c.measure) for a in self.arms.values()})

    def interval(self, arm: Arm, measure: str) -> tuple[float, float]:
        """The 95% interval of an arm's mean."""
        mean, count = arm.mean(measure), len(arm.runs)
        if measures.find(measure).binary:
            return interval.wilson(mean, count)
        half = self.noise(measure).half(count)
        if arm.right is not None:
            half = verdict.over_images(arm.right).half(len(arm.right))
        return mean - half, mean + half

    def noise(self, measure: str) -> verdict.Spread:
        """The deviation of a measure over seeds."""
        return verdict.spread([a.values(measure) for a in self.arms.values()])

    @property
    def word(self) -> str:
        """The claim's verdict."""
        return verdict.of_all([*(f.word for f in self.found), *map(verdict.of_count, self.counts)])

    @property
    def trained(self) -> int:
        """The number of runs, those that chose the rates included."""
        arms = list(self.arms.values())[:1] if self.claim.crops else self.arms.values()
        return sum(len(a.rates) + len(a.runs) for a in arms)

    @property
    def pflop(self) -> float:
        """Of all runs, those that chose the rates included; and of crops, which are many."""
        arms = list(self.arms.values())[:1] if self.claim.crops else list(self.arms.values())
        views = sum(COUNTS[c] for c in self.claim.crops) * sum(
            a.flops / 3 * len(a.runs) * len(a.right) for a in arms if a.right is not None
        )
        return sum(a.pflop * (0.9 * len(a.rates) + len(a.runs)) for a in arms) + views / 1e15


def names() -> list[str]:
    """The folders of claims, in the order of their papers."""
    found = (path.parent.name for path in HERE.glob("*/claim.py"))
    return sorted(found, key=lambda name: (page.parsed(f"claim={name}")[0].paper, name))


def read(name: str) -> Results | None:
    """The results of a claim, `NAME` or `NAME,times=5`; None before all runs are in its folder."""
    arg = f"claim={name}"
    (claim, _), runs = page.parsed(arg), page.run_folder(arg)
    if not all(path.is_file() for path in (runs / "final" / folder.FILE, runs / COUNTED)):
        return None
    counts = json.loads((runs / COUNTED).read_text())

    def flops_of(_, arm: str) -> int:
        return counts[arm]["flops"]

    arms: dict[str, Arm] = {}
    for trial in _trials(runs / "final"):
        key = _arm(claim, trial, lambda arm: page.best(arg, arm, flops_of))
        if key not in arms:
            arms[key] = _empty(arg, key, page.best(arg, key, flops_of), **counts[key])
        arms[key].runs[trial.overrides["seed"]] = _lines(trial, arms[key].epochs)
    for trial in _trials(runs / "rates") if claim.rates else []:
        key = _arm(claim, trial, lambda arm: page.own(arg, arm, flops_of))
        lines = _lines(trial, arms[key].epochs)
        arms[key].rates[trial.overrides["optim.lr"]] = measures.value(lines, "top1")
    if claim.crops:
        arms = _evaluated(runs / "crops.npz", *arms.values())
    plan = runs / "plan.json"
    return Results(name, claim, arms, json.loads(plan.read_text()) if plan.is_file() else None)


def count(name: str) -> dict[str, dict[str, int]]:
    """FLOP of training on one image and parameters of each arm, which `counts.json` keeps.

    To describe the networks of a claim takes up to 20 seconds.
    """
    arg, counts = f"claim={name}", {}
    for arm in page.parsed(arg)[0].arms:
        config: Any = page.get_config(arg)
        config.update_from_flattened_dict(page.declared(arg, arm))
        counts[arm] = {"flops": page.flops(arg, arm), "params": page.table(config).params}
    return counts


def best_rates(name: str, sweep: Path) -> dict[str, float]:
    """The rate of each arm that is best on the held-out images of a finished sweep."""
    arg = f"claim={name}"
    (claim, _), best = page.parsed(arg), {}
    for trial in _trials(sweep):
        arm = _arm(claim, trial, lambda arm: page.own(arg, arm))
        config: Any = page.get_config(arg)
        epochs = trial.overrides.get("train.epochs", config.train.epochs)
        found = measures.value(_lines(trial, epochs), "top1"), trial.overrides["optim.lr"]
        best[arm] = max(best.get(arm, (0.0, 0.0)), found)
    return {arm: rate for arm, (_, rate) in best.items()}


def _arm(claim: Claim, trial: Trial, overrides: Callable[[str], dict[str, Any]]) -> str:
    """The arm whose overrides a trial has, besides its seed and, of held-out images, its rate."""
    held_out = "data.fold" in trial.overrides
    free = {"optim.lr", *page.HELD_OUT} if held_out else {"seed"}
    mine = {k: v for k, v in trial.overrides.items() if k not in free}
    for name in claim.arms:
        if not (held_out and name in claim.rate_of) and _plain(overrides(name)) == _plain(mine):
            return name
    raise SystemExit(f"no arm of claim.py has {trial.overrides}; was it changed after its runs?")


def _plain(overrides: Any) -> dict[str, Any]:
    return json.loads(json.dumps(dict(overrides)))


def _empty(arg: str, name: str, overrides: dict[str, Any], flops: int, params: int) -> Arm:
    """An arm before its runs."""
    config: Any = page.get_config(arg)
    config.update_from_flattened_dict(overrides)
    images = IMAGES[page.parsed(arg)[1]]
    return Arm(name, config.optim.lr, {}, float(flops), params, config.train.epochs, images, {})


def _evaluated(path: Path, network: Arm) -> dict[str, Arm]:
    """Arms of the results of `crops.py`: the same networks, evaluated in several ways."""
    arms = {}
    with np.load(path) as found:
        for name, right in found.items():
            top1 = {
                i: [{"split": "test", "epoch": network.epochs, "top1": float(share)}]
                for i, share in enumerate(right.mean(axis=0))
            }
            arms[name] = replace(network, name=name, runs=top1, right=right.mean(axis=1))
    return arms


def _trials(sweep: Path) -> list[Trial]:
    return folder.read(sweep).trials()


def _lines(trial: Trial, epochs: float) -> Lines:
    path = trial.folder / "metrics.jsonl"  # none if the run diverged before its first line
    lines = path.read_text().splitlines() if path.is_file() else []
    return measures.to_the_end([*map(json.loads, lines)], epochs)
