"""A claim's figure: each arm's mean with interval and seeds, and its curve if it has one."""

from pathlib import Path

import measures
import verdict
from results import Results

from inception_jax.sweep import pictures
from inception_jax.workdir import atomic

COLOURS = (pictures.BLUE, *pictures.DISTINCT[:1], *pictures.DISTINCT[2:], pictures.QUIET)


def draw(r: Results, path: Path) -> None:
    """Draw `path`, a PNG: a panel for each measure, and one of top-1 by epoch."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [m for m in r.measures if not m.startswith("epochs_to")] or r.measures[:1]
    curves = bool(r.claim.every)
    with matplotlib.rc_context(pictures.STYLE):
        height = 1.1 + 0.3 * len(r.arms)
        figure = Figure(figsize=(8.4, max(height, 3.0 if curves else 0)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, len(shown) + curves, squeeze=False)[0]
        for i, (ax, measure) in enumerate(zip(axes, shown, strict=False)):
            _means(ax, r, measure, labels=i == 0)
        if curves:
            _curves(axes[-1], r)
        with atomic.replacing(path) as partial:
            figure.savefig(partial, format="png", metadata={"Software": None})


def _means(ax, r: Results, measure: str, labels: bool) -> None:
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
    ax.set_yticks(range(len(r.arms)), list(r.arms) if labels else [""] * len(r.arms))
    ax.invert_yaxis()
    ax.grid(axis="x", color=pictures.OTHERS, alpha=0.4)
    ax.set(xlabel=measures.words(measure) + (", %" if scale == 100 else ""))


def _curves(ax, r: Results) -> None:
    for i, arm in enumerate(r.arms.values()):
        for j, (_, lines) in enumerate(sorted(arm.runs.items())):
            points = measures.evaluations(lines)
            ax.plot(
                [at for at, _ in points], [100 * v for _, v in points], lw=0.9,
                color=COLOURS[i % len(COLOURS)], label="" if j else arm.name,
            )  # fmt: skip
    ax.legend(frameon=False, fontsize=7)
    ax.grid(color=pictures.OTHERS, alpha=0.4)
    ax.set(xlabel="epoch", ylabel="test top-1, %")
