"""Opens the source that a config names."""

from inception_jax.config import Config, counted, sections, tasks
from inception_jax.data.sources import file_kind, folds
from inception_jax.data.sources.cached import Cached
from inception_jax.data.sources.grey import Grey
from inception_jax.data.sources.source import Source
from inception_jax.data.sources.targets import of_classes, targets_of


def open_source(data: sections.Data, split: str) -> Source:
    """A split of the data set that the config's `data` section names.

    With `data.folds` the training split lacks the images of `data.fold`, which are the split
    `fold`.

    Raises:
        ConfigError: the set, its folder or the split is missing; the message lists the splits.
    """
    held_out = bool(data.folds) and split == folds.SPLIT
    if held_out or (data.folds and split == data.train_split):
        whole = _opened(data, data.train_split)
        return folds.part(whole, data.folds, data.fold, held_out)
    return _opened(data, split)


def _opened(data: sections.Data, split: str) -> Source:
    if data.source == "digits":
        from inception_jax.data.sources.digits import Digits

        source: Source = Digits(split)
    elif data.labels:
        from inception_jax.data.sources.labelled import Labelled

        source = Labelled(data, split)
    elif data.source == "folder":
        from inception_jax.data.sources.folder import Folder

        # Embeddings are judged on classes that training has not.
        known = "" if data.task == "embedding" else data.train_split
        source = Folder(data.dir, split, known, file_kind.of(data))
    elif data.source == "raw":
        from inception_jax.data.sources.raw import Raw

        source = Raw(data.name, data.dir, split)
    else:
        from inception_jax.data.sources.tfds import Tfds

        source = Tfds(data.name, data.dir, split)
    if data.channels == 1 and data.source != "folder":
        source = Grey(source, data.dtype)
    source = Cached(source) if data.cache else source
    if tasks.of(data).vector and targets_of(source) is None:
        return of_classes(source, data.task)
    return source


def open_training(config: Config) -> Source:
    """The training split; numbers of classes that the config leaves to it are filled in.

    Raises:
        ConfigError: as `open_source`, or the config has another number of classes.
    """
    split = config.data.train_split
    source = open_source(config.data, split)
    counted.fill_in(config, len(source.classes), split)
    return source
