"""A sweep's plots for a paper or slides, as SVG and PNG files drawn with matplotlib."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inception_jax.config.tasks import METRICS, NUMBER
from inception_jax.sweep.comparison import Axis, Comparison, spread
from inception_jax.workdir import atomic

if TYPE_CHECKING:
    import matplotlib.axis
    from matplotlib.axes import Axes

# Colours of Okabe and Ito, as in report/report.css.
INK, QUIET, RULE, BLUE, ORANGE = "#1b1f24", "#5c6670", "#dfe3e8", "#0067a3", "#cc4e00"
MAX_LINES = 300  # of a panel
STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "text.color": INK,
    "svg.hashsalt": "inception_jax",  # reproducible files
    "savefig.dpi": 150,
}


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Draw all plots that have data into a folder; none without matplotlib.

    Returns:
        the files: `sweep` with all panels, and each panel alone, as .svg and .png.
    """
    try:
        import matplotlib
    except ImportError:
        return []
    compared = len(comparison.with_value) > 1 and bool(comparison.axes)
    has_data = {
        curves: any(len(p.values) > 1 for p in comparison.rows),
        parallel: compared,
        importances: bool(comparison.importances),
        keys: compared,
    }
    panels = [panel for panel, enough in has_data.items() if enough]
    if not panels:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        files = [f for panel in panels for f in _save([panel], comparison, folder, panel.__name__)]
        return _save(panels, comparison, folder, "sweep") + files


def _save(panels: list[Callable[..., None]], c: Comparison, folder: Path, name: str) -> list[Path]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(5.6 * columns, 3.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for i, panel in enumerate(panels):
        panel(figure.add_subplot(rows, columns, i + 1), c)
    paths = [folder / f"{name}.{kind}" for kind in ("svg", "png")]
    for path in paths:
        metadata = {"Date": None} if path.suffix == ".svg" else {}
        with atomic.replacing(path) as partial:
            figure.savefig(partial, format=path.suffix[1:], metadata=metadata)
        figure.set_layout_engine("none")  # it is laid out
    return paths


def curves(ax: "Axes", c: Comparison) -> None:
    """The evaluations of each trial; the best trial in orange."""
    rows = spread([p for p in c.rows if p.values], MAX_LINES)
    _lines(ax, [p.values for p in rows], color=BLUE, lw=1.0, alpha=0.45)
    short = [point for p in rows if len(p.values) < 3 for point in p.values]
    ax.plot(*np.array(short).reshape(-1, 2).T, ".", color=BLUE, alpha=0.45)
    if c.best is not None and c.best.values:
        epoch, value = c.best.values[-1]
        ax.plot(*np.transpose(c.best.values), color=ORANGE, lw=2.0)
        ax.annotate(f"trial {c.best.trial.index}", (epoch, value), xytext=(-4, 5),
                    textcoords="offset points", color=ORANGE, ha="right")  # fmt: skip
    which = "each trial" if len(c.rows) <= MAX_LINES else f"{len(rows)} of {len(c.rows):,} trials"
    ax.set(xlabel="epoch", title=f"{c.metric} of {which}")
    _format_metric(ax.yaxis, c)


def parallel(ax: "Axes", c: Comparison) -> None:
    """Parallel coordinates: one line per trial, the metric last; the best trial in orange."""
    names = [a.name for a in c.axes] + [c.metric]
    table = np.array([[_number(a, p.trial.overrides.get(a.key)) for a in c.axes] + [p.value]
                      for p in c.with_value], float)  # fmt: skip
    low, high = table.min(0), table.max(0)
    constant = low == high  # drawn in the middle
    low, high = np.where(constant, low - 1, low), np.where(constant, high + 1, high)
    positions = (table - low) / (high - low)
    ranked = np.argsort(table[:, -1] if c.sweep.higher_is_better else -table[:, -1])
    *order, best = spread(ranked.tolist(), MAX_LINES)
    alphas = 0.15 + 0.5 * np.arange(len(order)) / len(order)
    _lines(ax, [list(enumerate(positions[i])) for i in order], color=BLUE, lw=1.0, alpha=alphas)
    ax.plot(positions[best], color=ORANGE, lw=2.2)
    for i, name in enumerate(names):
        ax.axvline(i, color=QUIET, lw=0.8, zorder=0)
        last, values = i == len(names) - 1, sorted({*table[:, i]})
        for value in {values[0], values[-1]} if last or len(values) > 6 else values:
            text = _metric_text(value, c) if last else _axis_text(c.axes[i], value)
            ax.text(i + 0.04, (value - low[i]) / (high[i] - low[i]), text, fontsize=7.5,
                    color=QUIET, va="center",
                    bbox={"fc": "white", "ec": "none", "pad": 0.6, "alpha": 0.8})  # fmt: skip
        ax.text(i, 1.06, name, ha="center", weight="bold", fontsize=8.5)
    ax.set(xlim=(-0.3, len(names) - 0.45), ylim=(-0.05, 1.15))
    ax.axis("off")


def importances(ax: "Axes", c: Comparison) -> None:
    """The share of the metric's variance that each key explains."""
    names, shares = list(c.importances)[::-1], list(c.importances.values())[::-1]
    bars = ax.barh(names, shares, color=BLUE, height=0.55)
    ax.bar_label(bars, [f"{s:.0%}" for s in shares], padding=3, color=QUIET)
    ax.set(title=f"share of the variance of {c.metric} (fANOVA)", xlim=(0, 1.12 * max(shares)))
    ax.xaxis.set_visible(False)
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(left=False)


def keys(ax: "Axes", c: Comparison) -> None:
    """The metric against the most important key; lines join trials that differ only in it."""
    axis = c.most_important
    lines: dict[str, list[tuple[float, float]]] = {}
    for p in c.with_value:
        rest = {k: v for k, v in p.trial.overrides.items() if k != axis.key}
        x = axis.position(p.trial.overrides.get(axis.key))
        lines.setdefault(repr(rest), []).append((x, p.value or 0.0))
    drawn = spread([sorted(points) for points in lines.values()], MAX_LINES)
    _lines(ax, drawn, color=BLUE, lw=0.9, alpha=0.6)
    ax.plot(*np.concatenate(drawn).T, "o", color=BLUE, alpha=0.6, ms=3.5)
    if axis.log:
        ax.set_xscale("log")
    if axis.labels:
        ax.set_xticks(range(len(axis.labels)), axis.labels)
    ax.set(xlabel=axis.key, title=f"{c.metric} against {axis.name}")
    _format_metric(ax.yaxis, c)


def _lines(ax: "Axes", lines: Sequence[Sequence[tuple[float, float]]], **style: Any) -> None:
    """Draw lines of (x, y) as one object: one by one they take seconds."""
    from matplotlib.collections import LineCollection

    ax.add_collection(LineCollection([np.array(line) for line in lines], **style))
    ax.autoscale_view()


def _number(axis: Axis, value: Any) -> float:
    """The position of a value on a linear axis: its index, its logarithm, or itself."""
    position = axis.position(value)
    return float(np.log10(position)) if axis.log else position


def _axis_text(axis: Axis, position: float) -> str:
    if axis.labels:
        return axis.labels[round(position)]
    return f"{10**position if axis.log else position:.3g}"


def _metric_text(value: float, c: Comparison) -> str:
    return f"{value:.1%}" if METRICS[c.metric].kind != NUMBER else f"{value:.3g}"


def _format_metric(axis: "matplotlib.axis.Axis", c: Comparison) -> None:
    """Format accuracies as percent."""
    if METRICS[c.metric].kind != NUMBER:
        axis.set_major_formatter(lambda value, position: f"{100 * value:g}%")
