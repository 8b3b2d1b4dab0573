"""inception-jax describe NAME [--dialect=D] [--diff D1 D2] [--svg=FILE] [--json]

Prints a network's table, row by row: the figure it is drawn in, its output's grid and channels, its
parameters and multiply-adds, and the branches it is made of (`3x3/2 V 192` is a 3x3 convolution of
stride 2 without padding to 192 channels). `--diff paper slim` prints where two dialects differ and
what that costs; `--diff googlenet bn_inception` (or name:dialect) does so for two networks. No
array is allocated. Without NAME: the networks and their dialects.
"""  # noqa: D415

import json
from pathlib import Path
from typing import Any

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("describe", __doc__ or "")
    flags.text("dialect", "", "whose form of it; empty for the one whose accuracy was published")
    flags.number("width", 1.0, "multiplies every channel count", low=1e-3)
    flags.text("stem", "paper", "paper, or small for images of about 32 pixels")
    flags.whole("num_classes", None, "outputs, 0 for none; the dialect's if not given")
    flags.whole("image_size", None, "pixels; the dialect's if not given", low=1)
    flags.switch("diff", "compare: followed by two dialects, or two networks")
    flags.text("svg", "", "draw the network into this file, as the papers' figures do")
    flags.switch("json", "print JSON")
    values = flags.parse(argv, words=3)
    import jax

    # Shapes only: no accelerator should be claimed, or waited for.
    jax.config.update("jax_platforms", "cpu")
    words = flags.words
    try:
        if values.diff:
            _compare(words, values)
        elif len(words) > 1:
            raise ConfigError(f"expected one network, got {' '.join(words)}; to compare: --diff")
        elif words:
            _show(words[0], values)
        else:
            _list(values.json)
    except ValueError as e:
        raise ConfigError(str(e)) from e


def _list(as_json: bool) -> None:
    from inception_jax import models

    table = {name: models.dialects(name) for name in models.names()}
    lines = (f"{name:21}{', '.join(d)}" for name, d in table.items())
    print(json.dumps(table) if as_json else "\n".join(lines))


def _show(name: str, values: Any) -> None:
    from inception_jax import models
    from inception_jax.models import table

    found = models.describe(_create(name, values.dialect, values), values.image_size)
    if values.svg:
        from inception_jax.models import diagram

        Path(values.svg).write_text(diagram.svg(found), encoding="utf-8")
    if values.json:
        print(json.dumps(found.to_json()))
    else:
        print(f"drawn: {values.svg}" if values.svg else table.text(found))


def _compare(words: list[str], values: Any) -> None:
    from inception_jax.models import table

    if values.dialect or values.svg or len(words) < 2:
        raise ConfigError(
            "expected NAME --diff DIALECT DIALECT, or --diff NAME[:DIALECT] NAME[:DIALECT]"
        )
    pair = words if len(words) == 2 else [f"{words[0]}:{d}" for d in words[1:]]
    first, second = (_create(name, dialect, values) for name, _, dialect in map(_parted, pair))
    found = table.difference(first, second, values.image_size)
    print(json.dumps(found.to_json()) if values.json else table.difference_text(found))


def _parted(word: str) -> tuple[str, str, str]:
    """`name:dialect` in its parts."""
    return word.partition(":")


def _create(name: str, dialect: str, values: Any) -> Any:
    from inception_jax import models

    return models.create(
        name,
        dialect=dialect,
        width=values.width,
        stem=values.stem,
        num_classes=values.num_classes,
    )
