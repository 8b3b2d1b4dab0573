"""What is learnt from the labels: the number of the network's outputs."""

from inception_jax.config import between
from inception_jax.config.sections import Config, Loss
from inception_jax.errors import ConfigError

AUTO = -1  # of data.classes and model.num_classes


def weighted(loss: Loss) -> bool:
    """Whether examples weigh differently in the loss."""
    return loss.class_weights != "none" or loss.example_weights


def fill_in(c: Config, found: int, split: str) -> None:
    """Set the numbers of classes that are left to the data, of which `found` are in `split`.

    Raises:
        ConfigError: the config has another number.
    """
    if c.data.classes not in (AUTO, found):
        raise ConfigError(
            f"--config.data.classes={c.data.classes}: expected {found}, the classes of split "
            f"{split!r}, or auto, which counts them; set data.classes and model.num_classes"
        )
    c.data.classes = found
    if c.model.num_classes == AUTO:
        c.model.num_classes = found
    between.check(c)
