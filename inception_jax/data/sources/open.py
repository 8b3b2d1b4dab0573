"""Opens the source that a config names."""

from inception_jax.config import sections
from inception_jax.data.sources import file_kind
from inception_jax.data.sources.cached import Cached
from inception_jax.data.sources.grey import Grey
from inception_jax.data.sources.source import Source


def open_source(data: sections.Data, split: str) -> Source:
    """A split of the data set that the config's `data` section names.

    Raises:
        ConfigError: the set, its folder or the split is missing; the message lists the splits.
    """
    if data.source == "digits":
        from inception_jax.data.sources.digits import Digits

        source: Source = Digits(split)
    elif data.source == "folder":
        from inception_jax.data.sources.folder import Folder

        source = Folder(data.dir, split, data.train_split, file_kind.of(data))
    elif data.source == "raw":
        from inception_jax.data.sources.raw import Raw

        source = Raw(data.name, data.dir, split)
    else:
        from inception_jax.data.sources.tfds import Tfds

        source = Tfds(data.name, data.dir, split)
    if data.channels == 1 and data.source != "folder":
        source = Grey(source, data.dtype)
    return Cached(source) if data.cache else source
