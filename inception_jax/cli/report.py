"""inception-jax report RUN_DIR ... | SWEEP_DIR [--out=FILE.html]

Draws one or several runs as a single page that needs no network: curves, confusion matrix, the most
confident mistakes, first-layer filters, the config and how the runs' configs differ. For one run
the page is RUN_DIR/report.html.

Of a sweep: the best trial as a command line, all trials as a table that sorts, their curves,
parallel coordinates, which keys mattered; SWEEP_DIR/figures has the pictures as SVG and PNG.
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError

SWEEP = "sweep.json"


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("report", __doc__ or "").text("out", "", "file to write")
    values = flags.parse(argv, words=1000)
    if not flags.words:
        raise ConfigError("expected run directories, for example: inception-jax report runs/digits")
    from inception_jax import report

    runs = [Path(w) for w in flags.words]
    if sweeps := [r for r in runs if (r / SWEEP).is_file()]:
        if len(runs) > 1:
            raise ConfigError(f"{sweeps[0]} is a sweep: expected one of them, or several runs")
        return sweep(sweeps[0], Path(values.out) if values.out else sweeps[0] / "report.html")
    out = Path(values.out) if values.out else runs[0] / "report.html" if len(runs) == 1 else None
    if out is None:
        raise ConfigError("several runs need --out=FILE.html")
    print(report.write(runs, out))


def sweep(path: Path, out: Path) -> None:
    """Draws a sweep.

    Raises:
        ConfigError: the file cannot be written there, or sweep.json is damaged.
    """
    from inception_jax.report import html
    from inception_jax.sweep import folder, pictures, render
    from inception_jax.sweep.comparison import Comparison

    if out.is_dir():
        raise ConfigError(f"--out={out}: expected a file, found a directory; try {out}/report.html")
    comparison = Comparison(folder.read(path))
    print(html.write(render.render(comparison), out))
    drawn = pictures.write(comparison, out.parent / "figures")
    if drawn:
        print(f"{drawn[0].parent}: {', '.join(p.name for p in drawn)}")
    elif not comparison.with_value:
        print("no trial has a result yet; the pictures come with the first ones")
    else:
        print("pictures and importances need: pip install 'inception-jax[sweep]'")
