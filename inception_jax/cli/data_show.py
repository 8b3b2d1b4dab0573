"""inception-jax data show --config=PAGE [--split=train] [--out=sheet.png] [--step=0]

Draws one training batch as the network receives it: cropped, mirrored, with distorted colours,
mixed and erased.
"""  # noqa: D415

from pathlib import Path
from typing import Any

from inception_jax.cli import overrides
from inception_jax.cli.flags import Flags

NETWORK = ("model.name", "model.dialect", "model.normalization")  # its constants: see `erase`


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("data show", __doc__).page(obeyed=(*overrides.IMAGES, *NETWORK, "augment.*"))
    flags.text("split", "", "split to show; data.train_split if not given")
    flags.path("out", "sheet.png", "image file to write")
    flags.whole("step", 0, "training step to show")
    values = flags.parse(argv)
    config = flags.config()
    from inception_jax.data.sources.open import open_source

    source = open_source(config.data, values.split or config.data.train_split)
    from inception_jax.runtime import startup

    startup.start()
    import jax

    from inception_jax.data.images import contact_sheet
    from inception_jax.models import preprocess
    from inception_jax.models.from_config import build_model
    from inception_jax.train import augmentation

    model = build_model(config.model)
    augment = augmentation.of(config, model)

    @jax.jit
    def pixels(batch: Any, step: Any) -> Any:
        return preprocess.pixels(augment(batch, step)["image"], model)

    print(contact_sheet.write(config, source, values.step, Path(values.out), pixels))
