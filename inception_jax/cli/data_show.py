"""inception-jax data show --config=PAGE [--split=train] [--out=sheet.png] [--step=0]

Draws one training batch as the network receives it, after crop, flip and colour distortion.
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli import overrides
from inception_jax.cli.flags import Flags


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("data show", __doc__).page(obeyed=overrides.IMAGES)
    flags.text("split", "", "split to show; data.train_split if not given")
    flags.path("out", "sheet.png", "image file to write")
    flags.whole("step", 0, "training step to show")
    values = flags.parse(argv)
    config = flags.config()
    from inception_jax.data.sources.open import open_source

    source = open_source(config.data, values.split or config.data.train_split)
    from inception_jax.runtime import startup

    startup.start()
    from inception_jax.data.images import contact_sheet

    print(contact_sheet.write(config, source, values.step, Path(values.out)))
