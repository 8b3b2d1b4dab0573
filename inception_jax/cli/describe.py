"""inception-jax describe NAME [--dialect=D] [--width=W] [--stem=small] [--image_size=N] [--json]

Prints a network's table, row by row: the figure it is drawn in, its output's grid and channels, its
parameters and multiply-adds. No array is allocated. Without NAME: the networks and their dialects.
"""  # noqa: D415

import json

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("describe", __doc__ or "")
    flags.text("dialect", "", "whose form of it; empty for the one whose accuracy was published")
    flags.number("width", 1.0, "multiplies every channel count", low=1e-3)
    flags.text("stem", "paper", "paper, or small for images of about 32 pixels")
    flags.whole("num_classes", None, "outputs; 1000 if not given", low=2)
    flags.whole("image_size", None, "pixels; the dialect's if not given", low=1)
    flags.switch("json", "print JSON")
    values = flags.parse(argv, words=1)
    import jax

    from inception_jax import models

    # Shapes only: no accelerator should be claimed, or waited for.
    jax.config.update("jax_platforms", "cpu")
    if not flags.words:
        table = {name: models.dialects(name) for name in models.names()}
        lines = (f"{name:15}{', '.join(d)}" for name, d in table.items())
        print(json.dumps(table) if values.json else "\n".join(lines))
        return
    try:
        model = models.create(
            flags.words[0],
            dialect=values.dialect,
            width=values.width,
            stem=values.stem,
            num_classes=values.num_classes or 1000,
        )
        table = models.describe(model, values.image_size)
    except ValueError as e:
        raise ConfigError(str(e)) from e
    print(json.dumps(table.to_json()) if values.json else table)
