"""The manifest of a set that is prepared already: its images in their order, in smaller form."""

from collections.abc import Sequence

from inception_jax.data.images.decode import BadImageError
from inception_jax.data.prepare.manifest import ImageFile, Manifest, Original, planned
from inception_jax.data.sources.tfds import Tfds
from inception_jax.errors import ConfigError, DataError


def of_tfds(origin: str, data_dir: str, name: str, shard_bytes: int, train: str,
            splits: Sequence[str], suffix: str) -> Manifest:  # fmt: skip
    """The manifest of the images of another prepared set; an image keeps its index.

    Args:
        origin: name of that set, as `data.name`.
        data_dir: the folder that holds it, as `data.dir`.
        name: of the set to prepare.
        shard_bytes: approximate size in `origin` of the images of a shard.
        train: a split of `origin`.
        splits: to prepare; all if empty.
        suffix: of the shards' names, see `Contract.format`.

    Raises:
        ConfigError: the set or a split is missing, or has no labels.
    """
    first = Tfds(origin, data_dir, train)
    names = list(splits or first.splits)
    try:
        sources = {split: Tfds(origin, data_dir, split) for split in names}
    except ConfigError as e:
        raise ConfigError(f"{e}. To prepare only some splits: --splits={train},...") from e

    def read(image: ImageFile) -> Original:
        split, index = image.path.split("/")
        source, i = sources[split], int(index)
        try:
            return Original(source.stored(i), source.label(i), source.file(i).encode())
        except BadImageError as e:  # of the record; an unreadable image is found later
            raise DataError(f"{source.name(i)}: {e}; `inception-jax data check` tells more") from e

    result = Manifest(first.classes, [], read)
    files = sorted(first.folder.glob("*.array_record*"))
    result.origin = [
        ImageFile(path.name, -1, path.stat().st_size, path.stat().st_mtime_ns) for path in files
    ]
    for split, source in sources.items():
        size = sum(f.size for f in result.origin if f"-{split}." in f.path) // max(len(source), 1)
        images = [ImageFile(f"{split}/{i}", -1, size, 0) for i in range(len(source))]
        result.shards += planned(name, split, images, shard_bytes, suffix)
    return result
