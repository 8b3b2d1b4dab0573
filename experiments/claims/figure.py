"""A claim's figure: each arm's mean with interval and seeds, and its curve if it has one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import measures
import verdict
from measures import Lines
from results import Results

from inception_jax.sweep import pictures
from inception_jax.workdir import atomic

COLOURS = (pictures.BLUE, *pictures.DISTINCT[:1], *pictures.DISTINCT[2:], pictures.QUIET)


def draw(r: Results, path: Path) -> None:
    """Draw `path`, a PNG: a panel for each measure, and one of top-1 by epoch."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [m for m in r.measures if not m.startswith("epochs_to")]
    curves = [*((_accuracy,) if r.claim.every else ()), *((_gradient,) if _monitored(r) else ())]
    panels = [*(partial(_means, measure=m) for m in shown), *curves]
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    with matplotlib.rc_context(pictures.STYLE):
        height = max(1.1 + 0.3 * len(r.arms), 2.8 if curves else 0)
        figure = Figure(figsize=(8.4, rows * height), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for i, (ax, panel) in enumerate(zip(axes, panels, strict=False)):
            panel(ax, r, first=i % columns == 0)
        for ax in axes[len(panels) :]:
            ax.remove()
        with atomic.replacing(path) as partial_path:
            figure.savefig(partial_path, format="png", metadata={"Software": None})


def _monitored(r: Results) -> bool:
    return any(m.startswith("first_gradient") for m in r.measures)


def _means(ax: Any, r: Results, first: bool, measure: str) -> None:
    scale = 100 if measures.find(measure).percent else 1
    noise = verdict.spread([a.values(measure) for a in r.arms.values()])
    for i, arm in enumerate(r.arms.values()):
        values = [scale * v for v in arm.values(measure)]
        half = scale * noise.half(len(values))
        ax.plot(values, [i] * len(values), "|", ms=9, color=pictures.QUIET)
        ax.errorbar(
            sum(values) / len(values), i, xerr=half, fmt="o", ms=5, capsize=3,
            color=COLOURS[i % len(COLOURS)],
        )  # fmt: skip
    ax.set_yticks(range(len(r.arms)), list(r.arms) if first else [""] * len(r.arms))
    ax.invert_yaxis()
    ax.grid(axis="x", color=pictures.OTHERS, alpha=0.4)
    ax.set(xlabel=measures.words(measure) + (", %" if scale == 100 else ""))


def _accuracy(ax: Any, r: Results, first: bool) -> None:
    """Of each run, by epoch."""
    _curves(ax, r, lambda lines: [(at, 100 * v) for at, v in measures.evaluations(lines)])
    ax.set(xlabel="epoch", ylabel="test top-1, %")


def _gradient(ax: Any, r: Results, first: bool) -> None:
    """Of each run, by epoch."""
    _curves(ax, r, measures.gradients)
    ax.set(xlabel="epoch", ylabel="gradient norm of conv1", yscale="log")


def _curves(ax: Any, r: Results, points: Callable[[Lines], list[tuple[float, float]]]) -> None:
    for i, arm in enumerate(r.arms.values()):
        for j, (_, lines) in enumerate(sorted(arm.runs.items())):
            at, values = zip(*points(lines), strict=True)
            colour = COLOURS[i % len(COLOURS)]
            ax.plot(at, values, lw=0.9, color=colour, label="" if j else arm.name)
    ax.legend(frameon=False, fontsize=7)
    ax.grid(color=pictures.OTHERS, alpha=0.4)
