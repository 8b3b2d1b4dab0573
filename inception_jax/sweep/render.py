"""The HTML report of a sweep: the best trial, a table of all trials, curves, and importances."""

import shlex
from collections import Counter
from typing import Any

from inception_jax.report import html
from inception_jax.report.render import curve_data
from inception_jax.sweep.comparison import Comparison
from inception_jax.sweep.progress import TrialProgress
from inception_jax.sweep.trial import text

# Scripts of the run report, then those of the sweep report.
SHARED = ("dom.js", "save.js", "tables.js", "ticks.js", "chart.js", "panels.js", "curves.js")
OWN = ("parallel.js", "sweep.js")
PACKAGE = "inception_jax.sweep"
POINTS = 100_000  # of all trials' curves, drawn by a browser


def render(comparison: Comparison) -> str:
    """Render the report."""
    c = comparison
    best, name = c.best, c.sweep.folder.absolute().name
    return html.page(
        html.asset("sweep.html", PACKAGE),
        [html.asset("report.css"), html.asset("sweep.css", PACKAGE)],
        [*map(html.asset, SHARED), *(html.asset(name, PACKAGE) for name in OWN)],
        data(c),
        c=c,
        name=name,
        title=f"{name}: {len(c.rows)} trials",
        counts=Counter(p.state for p in c.rows).items(),
        best=best,
        best_text=text(best.trial.overrides) if best else "",
        words=list(map(shlex.quote, c.sweep.config_flags(best.trial))) if best else [],
        share=c.is_share,
        text=text,
    )


def data(c: Comparison) -> dict[str, Any]:
    """The data that the scripts draw."""
    limit = max(POINTS // max(len(c.rows), 1), 20)
    return {
        "metric": c.metric,
        "higher": c.sweep.higher_is_better,
        "axes": [{"name": a.key, "log": a.log, "values": a.labels} for a in c.axes],
        "trials": [
            {
                "index": p.trial.index,
                "label": text(p.trial.overrides),
                "at": [a.position(p.trial.overrides.get(a.key)) for a in c.axes],
                "value": p.value,
            }
            for p in c.with_value
        ],
        "runs": [run for p in c.ordered if (run := _run(p, limit))["curves"]],
    }


def _run(p: TrialProgress, limit: int) -> dict[str, Any]:
    """The curves of a trial."""
    run = p.run
    all_curves = [*([run.train] if run and run.train else []), *p.evaluation_curves]
    curves = [] if run is None else [curve_data(run, c.thinned(limit)) for c in all_curves]
    return {"name": f"{p.trial.index}: {text(p.trial.overrides)}", "curves": curves, "resumes": []}
