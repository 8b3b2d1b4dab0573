"""inception-jax describe NAME [--dialect=D] [--diff D1 D2] [--svg=FILE] [--json]

Prints a network's table, row by row: the paper's figure, the output's grid and channels, parameters
and multiply-adds, and the branches (`3x3/2 V 192` is a 3x3 convolution of stride 2 without padding
to 192 channels). `--diff paper slim` compares two dialects; `--diff googlenet bn_inception` (or
name:dialect) compares two networks. No array is allocated. Without NAME: the networks and their
dialects.
"""  # noqa: D415

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError

if TYPE_CHECKING:
    from inception_jax.models import Network


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
    values = flags.parse(argv)
    from inception_jax.runtime import startup

    startup.start(platforms="cpu")  # shapes only: no accelerator should be claimed, or waited for
    words = flags.words
    try:
        if values.diff:
            _compare(flags, words, values)
        elif len(words) > 1:
            raise ConfigError(f"expected one network, got {' '.join(words)}; to compare: --diff")
        elif words:
            _describe(flags, words[0], values)
        else:
            own = ("dialect", "width", "stem", "channels", "num_classes", "image_size", "svg")
            flags.unused("without the name of a network", *own)
            from inception_jax import models

            table = {name: models.dialects(name) for name in models.names()}
            lines = [f"{name:21}{', '.join(dialects)}" for name, dialects in table.items()]
            flags.print(table, lambda: "\n".join(lines))
    except ValueError as e:
        raise ConfigError(str(e)) from e


def _describe(flags: Flags, name: str, values: Any) -> None:
    from inception_jax import models
    from inception_jax.models import diagram, table
    from inception_jax.workdir import atomic

    description = models.describe(_create(name, values.dialect, values), values.image_size)
    if values.svg:
        with atomic.naming(svg := Path(values.svg)):
            svg.write_text(diagram.svg(description), encoding="utf-8")
    drawn = f"drawn: {values.svg}" if values.svg else ""
    flags.print(asdict(description), lambda: drawn or table.text(description))


def _compare(flags: Flags, words: list[str], values: Any) -> None:
    from inception_jax.models import table

    if values.dialect or values.svg or len(words) < 2:
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
