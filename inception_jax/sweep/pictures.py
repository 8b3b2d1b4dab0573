"""A sweep's plots for a paper or slides, as SVG and PNG files drawn with matplotlib."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inception_jax.sweep.comparison import Axis, Comparison, spread
from inception_jax.sweep.progress import TrialProgress
from inception_jax.sweep.trial import text
from inception_jax.workdir import atomic

if TYPE_CHECKING:
    import matplotlib.axis
    from matplotlib.axes import Axes

# Colours of Okabe and Ito, as in report/report.css.
INK, QUIET, BLUE, ORANGE, OTHERS = "#1b1f24", "#5c6670", "#0067a3", "#cc4e00", "#b4bcc4"
# Of the best trials, the best in orange.
DISTINCT = (ORANGE, BLUE, "#007f5c", "#a8447f", "#9a6a00", "#5a4fa3")
MAX_LINES = 300  # of a panel
RANKED = 12  # trials of the ranking
# Of training; the first that every trial has is drawn.
LOSSES = {
    "nll": "cross-entropy", "cross_entropy": "cross-entropy of soft labels", "loss": "objective",
}  # fmt: skip
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
        training: any(p.run and p.run.train and p.run.train.count > 1 for p in comparison.rows),
        ranking: len(comparison.done) > 1 and bool(comparison.intervals),
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
            figure.savefig(
                partial,
                format=path.suffix[1:],
                metadata=metadata,
                bbox_inches="tight",
                pad_inches=0.1,
            )
        figure.set_layout_engine("none")  # it is laid out
    return paths


def curves(ax: "Axes", c: Comparison) -> None:
    """The evaluations of each trial; the best ones in colours of their own."""
    _trials(ax, c, {p.trial.index: p.values for p in c.rows if p.values})
    which = "each trial" if len(c.rows) <= MAX_LINES else f"{MAX_LINES} of {len(c.rows):,} trials"
    ax.set(xlabel="epoch", title=f"{c.metric} of {which}")
    _format_metric(ax.yaxis, c)


def training(ax: "Axes", c: Comparison) -> None:
    """The training loss of each trial, in the same colours."""
    found = {p.trial.index: p.run.train.columns for p in c.rows if p.run and p.run.train}
    key = next((k for k in LOSSES if all(k in x for x in found.values())), "loss")
    lines = {}
    for index, columns in found.items():
        points = np.stack([columns["epoch"], columns.get(key, columns["epoch"] * np.nan)], axis=1)
        lines[index] = points[np.isfinite(points).all(axis=1) & (points[:, 1] > 0)].tolist()
    _trials(ax, c, {index: points for index, points in lines.items() if points})
    ax.set(xlabel="epoch", title=f"training {LOSSES[key]} of the trials", yscale="log")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter("{x:g}")


def ranking(ax: "Axes", c: Comparison) -> None:
    """The best trials with their 95% intervals; hollow ones differ from the best."""
    best, tied = c.done[:RANKED][::-1], {p.trial.index for p in (c.done[0], *c.tied)}
    colours = _colours(c)
    for y, p in enumerate(best):
        index, value = p.trial.index, p.value or 0.0
        low, high = c.intervals.get(index, (value, value))
        colour = colours.get(index, QUIET)
        fill = colour if index in tied else "white"
        ax.plot([low, high], [y, y], color=colour, lw=1.4)
        ax.plot(value, y, "o", color=colour, mfc=fill, ms=5)
    ax.set_yticks(range(len(best)), [_label(p, c) for p in best])
    ax.set_title(f"{c.metric} with 95% intervals; filled: not told from the best", fontsize=9)
    ax.tick_params(axis="y", labelsize=7)
    _format_metric(ax.xaxis, c)


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
            shown = _metric_text(value, c) if last else _axis_text(c.axes[i], value)
            ax.text(i + 0.04, (value - low[i]) / (high[i] - low[i]), shown, fontsize=7.5,
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
    lines: dict[str, list[TrialProgress]] = {}
    for p in c.with_value:
        rest = {k: v for k, v in p.trial.overrides.items() if k != axis.key}
        lines.setdefault(text(rest), []).append(p)

    def at(p: TrialProgress) -> float:
        return axis.position(p.trial.overrides.get(axis.key))

    few = len(lines) <= len(DISTINCT)
    for i, (label, trials) in enumerate(spread(list(lines.items()), MAX_LINES)):
        trials.sort(key=at)
        colour = DISTINCT[i] if few else BLUE
        x, y = [at(p) for p in trials], [p.value or 0.0 for p in trials]
        ax.plot(x, y, "o-", color=colour, lw=0.9, ms=3.5, alpha=0.9 if few else 0.5, label=label)
        bounds = [c.intervals.get(p.trial.index, (v, v)) for p, v in zip(trials, y, strict=True)]
        if few:
            ax.vlines(x, *np.transpose(bounds), color=colour, lw=1.0, alpha=0.5)
    if few and len(lines) > 1:
        ax.legend(fontsize=6.5, frameon=False)
    values = sorted({at(p) for p in c.with_value})
    if axis.log:
        ax.set_xscale("log")
    if axis.labels:
        ax.set_xticks(range(len(axis.labels)), axis.labels)
    elif len(values) <= 8:
        ax.set_xticks(values, [f"{value:g}" for value in values])
        ax.minorticks_off()
    ax.set(xlabel=axis.key, title=f"{c.metric} against {axis.name}")
    _format_metric(ax.yaxis, c)


def _colours(c: Comparison) -> dict[int, str]:
    """The colours of the best trials, by number."""
    return {p.trial.index: colour for p, colour in zip(c.done, DISTINCT, strict=False)}


def _label(p: TrialProgress, c: Comparison) -> str:
    """A trial's number and the last parts of what it does not have in common with all."""
    differing, short = {a.key for a in c.axes}, {}
    for key, value in p.trial.overrides.items():
        if key in differing:
            last = value.rpartition("/")[2] if isinstance(value, str) else value
            short[key.rpartition(".")[2]] = last
    return f"{p.trial.index}: {text(short)}"


def _trials(ax: "Axes", c: Comparison, points: Mapping[int, Sequence[tuple[float, float]]]) -> None:
    """Draw lines of trials: the best in colours above the others, which are grey."""
    colours = _colours(c)
    rest = spread([points[i] for i in points if i not in colours], MAX_LINES)
    _lines(ax, rest, color=OTHERS, lw=0.9, alpha=0.7)
    short = [point for line in rest if len(line) < 3 for point in line]
    ax.plot(*np.array(short).reshape(-1, 2).T, ".", color=OTHERS, alpha=0.7)
    for p in reversed(c.done[: len(DISTINCT)]):
        if (line := points.get(p.trial.index)) is not None:
            style = "o-" if len(line) < 3 else "-"
            wide = 2.0 if p is c.best else 1.2
            ax.plot(*np.transpose(line), style, color=colours[p.trial.index], lw=wide, ms=3,
                    label=_label(p, c))  # fmt: skip
    if c.done:
        handles, labels = ax.get_legend_handles_labels()
        ax.legend(handles[::-1], labels[::-1], fontsize=6.5, frameon=False)
    xs = {x for line in points.values() for x, _ in line}
    if len(xs) == 1:
        ax.set_xticks([*xs], [f"{x:g}" for x in xs])


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
    return f"{value:.1%}" if c.is_share else f"{value:.3g}"


def _format_metric(axis: "matplotlib.axis.Axis", c: Comparison) -> None:
    """Format accuracies as percent; of one value only that is marked."""
    values = {p.value for p in c.with_value if p.value is not None}
    if len(values) == 1 and not any(len(p.values) > 1 for p in c.rows):
        axis.set_ticks([*values])
    if c.is_share:
        axis.set_major_formatter(lambda value, position: f"{100 * value:g}%")
