"""What a bench measures: one network, one size of batch, one kind of number."""

import dataclasses
import json
import os
from typing import Any

from inception_jax import config as configs

CLASSES = 1000
READ = 50  # images a batch of the input alone, at least

# An error of the config, as the flag of `bench` that it comes from.
FLAGS = {
    "config.data.image_size": "size",
    "config.data.batch_size": "batch",
    "config.model.": "",
    "config.model": "model",
}
# An advice for which `bench` has no flag.
HEADS = ", or --config.model.aux=false where an auxiliary head is named"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What must be the same for two figures to be compared.

    Attributes:
        model: one of our networks.
        dialect: of it; empty for its first.
        width: of its channels.
        stem: `paper` or `small`.
        batch: images a step, on one device.
        size: pixels a side.
        dtype: of the computation.
        steps: timed, after two that are not.
        seconds: of a measurement of the input.
        folder: of images, for `input` and `joined`; or empty.
    """

    model: str = "inception_v3"
    dialect: str = ""
    width: float = 1.0
    stem: str = "paper"
    batch: int = 8
    size: int = 299
    dtype: str = "float32"
    steps: int = 5
    seconds: float = 4.0
    folder: str = ""

    @property
    def reading(self) -> "Settings":
        """The same for the input alone, whose batches are those of a step on an accelerator."""
        return dataclasses.replace(self, batch=max(self.batch, READ))

    def words(self, *names: str) -> list[str]:
        """Those settings as flags of a script."""
        return [f"--{name}={getattr(self, name)}" for name in names]

    def config(self, classes: int = CLASSES) -> Any:
        """A run with them: SGD with momentum, heads at 0.3, nothing else, on one device.

        Its data are the digits, which are everywhere; of the folder only the input knows.

        Raises:
            ConfigError: a value breaks a rule.
        """
        config = configs.new(
            seed=0,
            data=configs.source(
                source="digits", classes=classes, image_size=self.size, batch_size=self.batch,
                interpolation="bicubic", threads=os.cpu_count() or 1,
            ),
            model=configs.model(
                self.model, dialect=self.dialect, width=self.width, stem=self.stem,
                dtype=self.dtype, num_classes=classes, dropout=0.2, bn_group=0, bn_decay=0.9,
            ),
            loss=dict(label_smoothing=0.0, aux_weight=0.3, l2=0.0),
            optim=configs.sgd(schedule=configs.cosine(lr=1e-3, warmup_epochs=0.0), momentum=0.9),
            ema=dict(decay=0.0),
            train=configs.train(epochs=1.0),
            eval=dict(split="test", batch_size=self.batch, every_epochs=1.0),
            checkpoint=configs.checkpoints(every_epochs=1.0),
            mesh=configs.mesh(data=1),
            log=configs.logs(every_steps=10),
        )  # fmt: skip
        configs.validate(config)
        return config

    def page(self) -> str:
        """A config page that trains them on the digits."""
        tree = json.loads(json.dumps(self.config(classes=10).to_dict()))
        return (
            "from inception_jax import config as cfg\n\n\n"
            f"def get_config():\n    return cfg.new(**{tree!r})\n"
        )


def as_flags(text: str) -> str:
    """An error's text with the flags of `bench` for the keys of a config."""
    text = text.replace(HEADS, "")
    for key, flag in FLAGS.items():
        text = text.replace(f"--{key}", f"--{flag}")
    return text


def of(tree: dict[str, Any]) -> Settings:
    """The settings that a process was given as JSON."""
    return Settings(**tree)
