"""Numbers of classes that a config leaves to the data."""

from inception_jax.config import between, tasks
from inception_jax.config.sections import Config
from inception_jax.errors import ConfigError

AUTO = -1  # of data.classes and model.num_classes


def fill_in(c: Config, found: int, split: str) -> None:
    """Set the numbers of classes that are left to the data, of which `found` are in `split`.

    Raises:
        ConfigError: the config has another number, or the task needs one.
    """
    if c.data.classes not in (AUTO, found):
        raise ConfigError(
            f"--config.data.classes={c.data.classes}: expected {found}, the classes of split "
            f"{split!r}, or auto, which counts them; set data.classes and model.num_classes"
        )
    if AUTO not in (c.data.classes, c.model.num_classes):
        return
    c.data.classes = found
    if c.model.num_classes == AUTO:
        c.model.num_classes = tasks.outputs(c)
    between.check(c)
