"""A claim's figure: each arm's mean with interval and seeds, and its curve if it has one."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import measures
import verdict
import write
from measures import Lines
from results import Results

from inception_jax.sweep import pictures
from inception_jax.workdir import atomic

WORDS = {
    verdict.REPRODUCED: pictures.BLUE,
    verdict.NOT_VISIBLE: pictures.OTHERS,
    verdict.CONTRADICTED: pictures.DISTINCT[0],
}
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


def draw_all(found: Sequence[Results], path: Path) -> None:
    """Draw `path`, a PNG: a line for each claim, with a mark for each thing that it says."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(pictures.STYLE):
        figure = Figure(figsize=(8.4, 0.8 + 0.3 * len(found)), layout="constrained")
        FigureCanvasAgg(figure)
        ax = figure.subplots()
        for word, colour in WORDS.items():
            ax.plot([], [], "s", ms=9, color=colour, label=word)
        for y, r in enumerate(found):
            marks = [(f.word, write.brief(f)) for f in r.found]
            marks += [(verdict.of_count(c), f"{c.ours:.3g}x") for c in r.counts if c.paper]
            for x, (word, text) in enumerate(marks):
                ink = pictures.INK if word == verdict.NOT_VISIBLE else "white"
                ax.barh(y, 0.94, 0.8, left=x, color=WORDS[word])
                ax.text(x + 0.47, y, text, ha="center", va="center", fontsize=7, color=ink)
        ax.set_yticks(range(len(found)), [r.claim.title for r in found])
        ax.set(ylim=(len(found) - 0.5, -0.5), xticks=[])
        ax.set_title("how much better, in points of top-1 unless it says otherwise", fontsize=8)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
        with atomic.replacing(path) as partial_path:
            figure.savefig(partial_path, format="png", metadata={"Software": None})


def _monitored(r: Results) -> bool:
    return any(m.startswith("first_gradient") for m in r.measures)


def _means(ax: Any, r: Results, first: bool, measure: str) -> None:
    scale = 100 if measures.find(measure).percent else 1
    for i, arm in enumerate(r.arms.values()):
        values = [scale * v for v in arm.values(measure)]
        low, high = (scale * x for x in r.interval(arm, measure))
        mean = scale * arm.mean(measure)
        ax.plot(values, [i] * len(values), "|", ms=9, color=pictures.QUIET)
        ax.errorbar(
            mean, i, xerr=[[mean - low], [high - mean]], fmt="o", ms=5, capsize=3,
            color=COLOURS[i % len(COLOURS)],
        )  # fmt: skip
    ax.set_yticks(range(len(r.arms)), list(r.arms) if first else [""] * len(r.arms))
    for i, label in enumerate(ax.get_yticklabels()):  # the legend of the curves beside it
        label.set_color(COLOURS[i % len(COLOURS)])
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
        for _, lines in sorted(arm.runs.items()):
            at, values = zip(*points(lines), strict=True)
            ax.plot(at, values, lw=0.9, color=COLOURS[i % len(COLOURS)])
    ax.grid(color=pictures.OTHERS, alpha=0.4)
