"""inception-jax report RUN_DIR ... [--out=FILE.html]

Draws one or several runs as a single page that needs no network: curves, confusion matrix, the most
confident mistakes, first-layer filters, the config and how the runs' configs differ. For one run
the page is RUN_DIR/report.html.
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("report", __doc__ or "").text("out", "", "file to write")
    values = flags.parse(argv, words=1000)
    if not flags.words:
        raise ConfigError("expected run directories, for example: inception-jax report runs/digits")
    from inception_jax import report

    runs = [Path(w) for w in flags.words]
    out = Path(values.out) if values.out else runs[0] / "report.html" if len(runs) == 1 else None
    if out is None:
        raise ConfigError("several runs need --out=FILE.html")
    try:
        print(report.write(runs, out))
    except report.ReportError as e:
        raise ConfigError(str(e)) from e
