"""inception-jax describe NAME [--dialect=D] [--diff D1 D2] [--svg=FILE] [--pdf=FILE] [--json]

Prints a network's table, row by row: the paper's figure, the output's grid and channels, parameters
and multiply-adds, and the branches (`3x3/2 V 192` is a 3x3 convolution of stride 2 without padding
to 192 channels). `--diff paper slim` compares two dialects; `--diff googlenet bn_inception` (or
name:dialect) compares two networks. No array is allocated. Without NAME: the networks and their
dialects.

--svg and --pdf draw the network as the papers do, on an A4 page with text of 7 points; with
--rows=mixed_6b,mixed_7a these modules alone, large; from the bottom to the top with --direction=up.
PDF needs: pip install 'inception-jax[pdf]'.
"""  # noqa: D415

import io
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError

if TYPE_CHECKING:
    from inception_jax.models import Description, Network


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("describe", __doc__).arguments("a network", "inception_v3", 0, 3).json()
    flags.text("dialect", "", "variant of the network; by default the one with published accuracy")
    flags.number("width", 1.0, "multiplies every channel count", low=1e-3)
    flags.text("stem", "paper", "paper; for about 32 pixels small, or GoogLeNet's whitened")
    flags.whole("channels", 3, "of the images", low=1)
    flags.whole("num_classes", None, "outputs, 0 for none; the dialect's if not given")
    flags.whole("image_size", None, "pixels; the dialect's if not given", low=1)
    flags.switch("diff", "compare: followed by two dialects, or two networks")
    flags.path("svg", "", "draw the network into this file, in the style of the papers' figures")
    flags.path("pdf", "", "the same as a PDF file")
    flags.text("rows", "", "of a drawing: draw these rows alone and large, separated by commas")
    flags.text("direction", "down", "of a drawing: down, or up as in the papers")
    values = flags.parse(argv)
    from inception_jax.runtime import startup

    startup.start(platforms="cpu")  # shapes only: no accelerator should be claimed, or waited for
    words = flags.words
    if values.direction not in ("down", "up"):
        raise ConfigError(f"--direction={values.direction}: expected down or up")
    if not (values.svg or values.pdf):
        flags.unused("without --svg or --pdf", "rows", "direction")
    try:
        if values.diff:
            _compare(flags, words, values)
        elif len(words) > 1:
            raise ConfigError(f"expected one network, got {' '.join(words)}; to compare: --diff")
        elif words:
            _describe(flags, words[0], values)
        else:
            own = (
                "dialect",
                "width",
                "stem",
                "channels",
                "num_classes",
                "image_size",
                "svg",
                "pdf",
            )
            flags.unused("without the name of a network", *own)
            from inception_jax import models

            table = {name: models.dialects(name) for name in models.names()}
            lines = [f"{name:21}{', '.join(dialects)}" for name, dialects in table.items()]
            flags.print(table, lambda: "\n".join(lines))
    except ValueError as e:
        raise ConfigError(str(e)) from e


def _describe(flags: Flags, name: str, values: Any) -> None:
    from inception_jax import models
    from inception_jax.models import table

    description = models.describe(_create(name, values.dialect, values), values.image_size)
    files = _drawn(description, values) if values.svg or values.pdf else []
    drawn = f"drawn: {', '.join(files)}" if files else ""
    flags.print(asdict(description), lambda: drawn or table.text(description))


def _drawn(description: "Description", values: Any) -> list[str]:
    """Writes the drawing's files; returns their names."""
    from inception_jax.models import diagram
    from inception_jax.workdir import atomic

    rows = [name for name in values.rows.split(",") if name]
    text = diagram.svg(description, rows, up=values.direction == "up")
    contents = {values.svg: text.encode()} if values.svg else {}
    if values.pdf:
        contents[values.pdf] = _pdf(text)
    for name, content in contents.items():
        with atomic.naming(path := Path(name)):
            path.write_bytes(content)
    return list(contents)


def _pdf(svg: str) -> bytes:
    """A drawing as a PDF of one page.

    Raises:
        ConfigError: the extra `pdf` is not installed.
    """
    try:
        from reportlab.graphics import renderPDF  # pyright: ignore[reportMissingImports]
        from svglib.svglib import svg2rlg  # pyright: ignore[reportMissingImports]
    except ImportError as e:
        raise ConfigError("--pdf needs: pip install 'inception-jax[pdf]'; or take --svg") from e
    page, drawing = io.BytesIO(), svg2rlg(io.BytesIO(svg.encode()))
    assert drawing is not None  # it is well-formed
    renderPDF.drawToFile(drawing, page, showBoundary=False)
    return page.getvalue()


def _compare(flags: Flags, words: list[str], values: Any) -> None:
    from inception_jax.models import table

    if values.dialect or values.svg or values.pdf or len(words) < 2:
        raise ConfigError(
            "expected NAME --diff DIALECT DIALECT, or --diff NAME[:DIALECT] NAME[:DIALECT]"
        )
    pair = words if len(words) == 2 else [f"{words[0]}:{d}" for d in words[1:]]
    first, second = (_create(n, d, values) for n, _, d in (w.partition(":") for w in pair))
    difference = table.difference(first, second, values.image_size)
    flags.print(asdict(difference), lambda: table.difference_text(difference))


def _create(name: str, dialect: str, values: Any) -> "Network":
    from inception_jax import models

    return models.create(
        name, dialect=dialect, width=values.width, stem=values.stem, channels=values.channels,
        num_classes=values.num_classes,
    )  # fmt: skip
