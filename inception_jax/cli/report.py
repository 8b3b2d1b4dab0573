"""inception-jax report RUN_DIR ... | SWEEP_DIR [--out=FILE.html] [--watch [--port=N]]

Writes one or several runs as a single HTML file that works offline: curves, confusion matrix, most
confident mistakes, first-layer filters, the config and the differences of the runs' configs. The
default for one run is RUN_DIR/report.html.

With --watch the page is served on this machine, prints its address, and is up to date while a run
trains, without losing your zoom; Ctrl-C ends it. From elsewhere: ssh -L N:localhost:N HOST.

For a sweep: the best trial's command line, a sortable table of all trials, their curves, parallel
coordinates, the importance of each key; SWEEP_DIR/figures has the figures as SVG and PNG.
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError

SWEEP = "sweep.json"


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("report", __doc__).arguments("run directories", "runs/digits", 1, 1000)
    flags.path("out", "", "file to write")
    flags.switch("watch", "serve the page, and keep it up to date")
    flags.whole("port", 0, "of --watch on 127.0.0.1; a free one if not given")
    values = flags.parse(argv)
    from inception_jax import report

    runs = [Path(w) for w in flags.words]
    if sweeps := [r for r in runs if (r / SWEEP).is_file()]:
        if values.watch:
            raise ConfigError(f"--watch: expected runs, {sweeps[0]} is a sweep; name its trials")
        if len(runs) > 1:
            raise ConfigError(f"{sweeps[0]} is a sweep: expected one sweep, or several runs")
        return sweep(sweeps[0], Path(values.out) if values.out else sweeps[0] / "report.html")
    if values.watch:
        from inception_jax.report import watch

        flags.unused("with --watch", "out")
        return watch.serve(runs, values.port)
    flags.unused("without --watch", "port")
    if len(runs) > 1 and not values.out:
        raise ConfigError("several runs need --out=FILE.html")
    print(report.write(runs, Path(values.out) if values.out else runs[0] / "report.html"))


def sweep(path: Path, out: Path) -> None:
    """Writes the report of a sweep."""
    from inception_jax.report import html
    from inception_jax.sweep import folder, pictures, render
    from inception_jax.sweep.comparison import Comparison

    comparison = Comparison(folder.read(path))
    print(html.write(render.render(comparison), out))
    drawn = pictures.write(comparison, out.parent / "figures")
    if drawn:
        print(f"{drawn[0].parent}: {', '.join(p.name for p in drawn)}")
    elif not comparison.with_value:
        print("no trial has a result yet, so no figures were drawn")
    else:
        print("figures and importances need: pip install 'inception-jax[sweep]'")
