"""inception-jax data show --config=PAGE [--split=train] [--out=sheet.png] [--step=0]

Draws 64 images of a training batch as the network receives them: cropped, mirrored, with distorted
colours, mixed and erased, at the size of the step, each with the name of its class. Of a repeated
example it shows the copies; of one or two channels their mean, of more the first three as red,
green and blue.
"""  # noqa: D415

from pathlib import Path
from typing import Any

from inception_jax.cli import overrides
from inception_jax.cli.flags import Flags

SIZES = ("train.sizes", "train.size_epochs", "train.epochs")
NETWORK = (  # its constants: see `erase`
    "model.name", "model.dialect", "model.normalization", "model.mean", "model.std",
)  # fmt: skip


def main(argv: list[str]) -> None:
    """Runs the command."""
    obeyed = (*overrides.IMAGES, *NETWORK, *SIZES, "augment.*")
    flags = Flags("data show", __doc__).page(obeyed=obeyed)
    flags.text("split", "", "split to show; data.train_split if not given")
    flags.path("out", "sheet.png", "image file to write")
    flags.whole("step", 0, "training step to show")
    values = flags.parse(argv)
    config = flags.config()
    from inception_jax.data.sources.open import open_source, open_training

    source = open_training(config)
    if values.split:
        source = open_source(config.data, values.split)
    from inception_jax.runtime import startup

    startup.start()
    import jax

    from inception_jax.data.images import contact_sheet
    from inception_jax.models import preprocess
    from inception_jax.models.from_config import build_model
    from inception_jax.train import augmentation, stages

    model = build_model(config.model, config.data.channels)
    augment = augmentation.of(config, model)

    @jax.jit
    def pixels(batch: Any, step: Any) -> Any:
        return preprocess.pixels(augment(batch, step)["image"], model)

    each = stages.of(config, len(source) / config.data.batch_size)
    size = stages.at(each, values.step + 1).size
    print(contact_sheet.write(config, source, values.step, size, Path(values.out), pixels))
