"""Images: sources with random access, the order of training, crops, and batches of uint8 pixels."""

from typing import Any

from inception_jax.data.sources.source import Cached, Source


def open_source(data: Any, split: str) -> Source:
    """The split of the data set that a config's `data` section names.

    Raises:
        ConfigError: the set, the folder or the split is not there; the message says what is.
    """
    if data.source == "digits":
        from inception_jax.data.sources.digits import Digits

        source: Source = Digits(split)
    elif data.source == "folder":
        from inception_jax.data.sources.folder import Folder

        source = Folder(data.dir, split, data.train_split)
    else:
        from inception_jax.data.sources.tfds import Tfds

        source = Tfds(data.name, data.dir, split)
    return Cached(source) if data.cache else source
