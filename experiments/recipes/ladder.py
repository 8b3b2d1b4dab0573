"""The ladder's table and figure, of the run files of its sweeps.

    python experiments/recipes/ladder.py [--ladder=DIR] [--extra=DIR] [--out=FOLDER]

Prints the table and draws `ladder.png`; `experiments/table.py` writes the table into the README.
A rung's mean has a 95% interval of Student's t whose standard deviation is pooled over the rungs,
as in an analysis of variance: three seeds alone would give one four times as wide.
"""

import argparse
import functools
import json
import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.special import stdtrit

from inception_jax import config as cfg
from inception_jax.models import from_config
from inception_jax.models.describe import describe
from inception_jax.progress import duration
from inception_jax.sweep import comparison, folder, pictures
from inception_jax.sweep.progress import TrialProgress
from inception_jax.workdir import atomic

HERE = Path(__file__).resolve().parent
LADDER, EXTRA = HERE / "run" / "ladder", HERE / "run" / "extra"
PLANS = HERE / "plan"  # what `plan --json` printed for imagenet.py, by topology
OWN_COLUMN = ("seed", "train.epochs")
TRAINED = 6  # FLOP a multiply-add: forward, and twice that backward


@dataclass(frozen=True)
class Rung:
    """Finished trials that differ only in the seed.

    Attributes:
        keys: the overrides that the one it is compared with lacks; of the first, none.
        values: top-1 of each seed.
        flops: of training on one image.
        images: trained on, with repetitions.
        epochs: length of a run.
        seconds: mean of a run, with start and evaluation.
    """

    keys: dict[str, Any]
    values: tuple[float, ...]
    flops: float
    images: float
    epochs: float
    seconds: float

    @property
    def mean(self) -> float:
        """Mean top-1."""
        return statistics.fmean(self.values)

    @property
    def name(self) -> str:
        """The switches, the one that the rung is named after first."""
        return ", ".join(f"{k}={_text(v)}" for k, v in self.keys.items()) or "baseline"


@dataclass(frozen=True)
class Spread:
    """The pooled standard deviation of several groups' values."""

    deviation: float
    freedom: int

    def half(self, *counts: int) -> float:
        """Half the 95% interval of a mean of `counts` values; with two counts, of a difference."""
        scale = math.sqrt(sum(1 / n for n in counts))
        return float(stdtrit(self.freedom, 0.975)) * self.deviation * scale


def spread(rungs: Sequence[Rung]) -> Spread:
    """The deviation of the seeds around the means of their rungs."""
    freedom = sum(len(r.values) - 1 for r in rungs)
    if not freedom:
        raise SystemExit("expected a rung with two seeds or more, found one of each")
    squares = sum((v - r.mean) ** 2 for r in rungs for v in r.values)
    return Spread(math.sqrt(squares / freedom), freedom)


def read(at: Path, below: dict[str, Any] | None = None) -> list[Rung]:
    """The rungs of a sweep, in its order.

    Args:
        at: directory of the sweep.
        below: overrides with which all rungs are compared; None: each with the one before it.
    """
    groups: dict[str, list[TrialProgress]] = {}
    for p in comparison.Comparison(folder.read(at)).rows:
        if p.state == "done" and p.value is not None:
            groups.setdefault(repr(_switches(p)), []).append(p)
    rungs, before = [], below or {}
    for trials in groups.values():
        own = _switches(trials[0])
        rungs.append(_rung({k: v for k, v in own.items() if before.get(k) != v}, trials))
        before = own if below is None else below
    return rungs


def top(at: Path) -> dict[str, Any]:
    """The overrides of a sweep's last rung."""
    return _switches(comparison.Comparison(folder.read(at)).rows[-1])


def markdown(ladder: Sequence[Rung], extra: Sequence[Rung] = ()) -> list[str]:
    """A line for each rung, from the first up; then one for each switch more on the top."""
    noise = spread([*ladder, *extra])
    lines = [
        "| | switch | test top-1 | difference | GFLOP an image | epochs | PFLOP | time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for i, rung in enumerate(ladder):
        lines.append(_line(str(i), rung, ladder[i - 1] if i else None, noise))
    lines += [_line(f"{len(ladder) - 1}+", rung, ladder[-1], noise) for rung in extra]
    seeds = sorted({len(r.values) for r in (*ladder, *extra)})
    return [
        *lines, "",
        f"Seeds a rung: {', '.join(map(str, seeds))}. Standard deviation over seeds, pooled: "
        f"{100 * noise.deviation:.2f} points ({noise.freedom} degrees of freedom). Mean and "
        f"difference with 95% intervals of Student's t. Bold: differences that exclude 0.",
    ]  # fmt: skip


def _line(number: str, rung: Rung, other: Rung | None, noise: Spread) -> str:
    half = noise.half(len(rung.values))
    difference = ""
    if other is not None:
        step, wide = rung.mean - other.mean, noise.half(len(rung.values), len(other.values))
        difference = f"{100 * step:+.2f} ± {100 * wide:.2f}"
        difference = f"**{difference}**" if abs(step) > wide else difference
    switches = "<br>".join(f"`{k}={_text(v)}`" for k, v in rung.keys.items()) or "baseline"
    return " | ".join(
        [
            f"| {number}", switches, f"{100 * rung.mean:.2f} ± {100 * half:.2f}", difference,
            f"{rung.flops / 1e9:.4f}", f"{rung.epochs:.2f}",
            f"{rung.flops * rung.images / 1e15:.4f}", f"{duration(rung.seconds)} |",
        ]
    )  # fmt: skip


def draw(ladder: Sequence[Rung], extra: Sequence[Rung], path: Path) -> None:
    """Draw the rungs as lines of mean and interval, the first at the bottom; seeds are dots."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rungs, noise = [*ladder, *extra], spread([*ladder, *extra])
    heights = [i + (1 if i >= len(ladder) else 0) for i in range(len(rungs))]
    means = [100 * r.mean for r in rungs]
    halves = [100 * noise.half(len(r.values)) for r in rungs]
    with matplotlib.rc_context(pictures.STYLE):
        figure = Figure(figsize=(8.4, 1.1 + 0.27 * (heights[-1] + 1)), layout="constrained")
        FigureCanvasAgg(figure)
        ax = figure.add_subplot()
        for rows, colour in (
            (slice(len(ladder)), pictures.BLUE),
            (slice(len(ladder), None), pictures.ORANGE),
        ):
            ax.errorbar(means[rows], heights[rows], xerr=halves[rows], fmt="o", color=colour, ms=5,
                        capsize=3)  # fmt: skip
        ax.plot(
            means[: len(ladder)], heights[: len(ladder)], color=pictures.BLUE, lw=0.8, alpha=0.5
        )
        for rung, height in zip(rungs, heights, strict=True):
            ax.plot([100 * v for v in rung.values], [height] * len(rung.values), "|", ms=9,
                    color=pictures.QUIET)  # fmt: skip
        ax.set_yticks(heights, [_label(r, i < len(ladder)) for i, r in enumerate(rungs)])
        ax.grid(axis="x", color=pictures.OTHERS, alpha=0.4)
        ax.set_axisbelow(True)
        ax.set(xlabel="test top-1, %; mean, 95% interval, and each seed")
        with atomic.replacing(path) as partial:
            figure.savefig(partial, format="png")


def _label(rung: Rung, of_ladder: bool) -> str:
    name = next(iter(rung.keys.items()), None)
    if name is None:
        return "baseline"
    return f"{'+' if of_ladder else 'top +'} {name[0]}={_text(name[1])}"


def _switches(p: TrialProgress) -> dict[str, Any]:
    return {k: v for k, v in p.trial.overrides.items() if k not in OWN_COLUMN}


def _rung(keys: dict[str, Any], trials: Sequence[TrialProgress]) -> Rung:
    run = trials[0].run
    assert run is not None and run.train is not None  # it is done
    config = cfg.new(**cfg.completed(run.config))
    passes = 2 if config.optim.sam else 1
    return Rung(
        keys,
        tuple(p.value for p in trials if p.value is not None),
        float(TRAINED * passes * macs(config)),
        float(run.train.newest["step"] * config.data.batch_size),
        config.train.epochs,
        statistics.fmean(p.seconds or 0.0 for p in trials),
    )


def macs(config: Any) -> int:
    """Multiply-adds of one image in a config's network."""
    return _macs(json.dumps(config.model.to_dict()), config.data.image_size)


@functools.cache
def _macs(model: str, image_size: int) -> int:
    section = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(model).items()}
    return describe(from_config.build_model(section, 3), image_size).macs


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def tables() -> list[str]:
    """The lines for the README, of the run files beside it."""
    if not (LADDER / folder.FILE).is_file():
        return ["Not measured yet."]
    extra = read(EXTRA, top(LADDER)) if (EXTRA / folder.FILE).is_file() else []
    figure = "![Mean top-1 of each rung, with its interval and its seeds](ladder.png)"
    return [*markdown(read(LADDER), extra), "", figure]


def plans(trials: int = 30) -> list[str]:
    """What one rung on ImageNet costs, and all `trials`, of the files of `plan`."""
    lines = [
        "| topology | network | epochs | images/s | hours a rung | device-hours | all, hours |",
        "|---|---|---|---|---|---|---|",
    ]
    for path in sorted(PLANS.glob("*.json")):
        p = json.loads(path.read_text())
        recipe, rate = p["recipe"], p["step"]["images_per_s"]
        cells = [
            path.stem, f"`{p['model']}`", f"{recipe['epochs']:g}", _range(rate, ",.0f"),
            _range(recipe["hours"], ".2f"), _range(recipe["chip_hours"], ".1f"),
            _range([trials * h for h in recipe["hours"]], ".0f"),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _range(pair: Sequence[float], spec: str) -> str:
    return f"{pair[0]:{spec}} to {pair[1]:{spec}}"


def main() -> int:
    """Prints the table and draws the figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ladder", type=Path, default=LADDER)
    parser.add_argument("--extra", type=Path, default=EXTRA)
    parser.add_argument("--out", type=Path, default=HERE)
    a = parser.parse_args()
    ladder = read(a.ladder)
    extra = read(a.extra, top(a.ladder)) if (a.extra / folder.FILE).is_file() else []
    print("\n".join(markdown(ladder, extra)))
    draw(ladder, extra, a.out / "ladder.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
