"""A prepared classification set of tensorflow-datasets, read without TensorFlow."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inception_jax.data import imagenet
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.prepare.imagenet import download_help
from inception_jax.errors import ConfigError
from inception_jax.runtime import user_paths

FILE_NAME = "file_name"  # the feature of ImageNet's sets


class Tfds:
    """One split of a prepared data set, through `tfds.data_source` (ArrayRecord, random access).

    Records are parsed here rather than by TFDS: 10 us instead of 90, without the other features of
    the set (boxes, masks), and a JPEG is decoded once.

    Raises:
        ConfigError: the set is unknown or not prepared, its split is missing, or it has no labels.
    """

    def __init__(self, name: str, data_dir: str, split: str):
        data_dir = str(user_paths.expanded(data_dir)) if data_dir else ""
        self._opened = name, data_dir, split
        # Here: it takes a second to import, and only this source needs it.
        import tensorflow_datasets as tfds
        from tensorflow_datasets.proto import tf_example_pb2

        if not name:
            raise ConfigError("--config.data.name is empty: expected a tensorflow-datasets name")
        where = f"--config.data.name={name}"
        try:
            builder: Any = tfds.builder(name, data_dir=data_dir or None)
        except tfds.core.registered.DatasetNotFoundError as e:
            raise ConfigError(
                f"{where}: tensorflow-datasets has no set of this name, and none is prepared in "
                f"{data_dir or '~/tensorflow_datasets'}"
            ) from e
        except (ValueError, AssertionError) as e:  # an unknown config or version of a known set
            raise ConfigError(f"{where}: {_line(e, 0)}") from e
        except ImportError as e:
            raise ConfigError(
                f"{where}: not prepared in {data_dir or '~/tensorflow_datasets'}, and its code "
                f"cannot be loaded ({_line(e, -1)}): pip install 'inception-jax[prepare]'"
            ) from e
        info = builder.info
        self._image, self._label = _keys(info, where)
        self._has_file_names = FILE_NAME in info.features
        self.classes: tuple[str, ...] = tuple(info.features[self._label].names)
        self.folder = Path(str(builder.data_dir))
        self.splits: dict[str, int] = {k: v.num_examples for k, v in info.splits.items()}
        if not info.splits:
            raise ConfigError(
                f"{where}: not prepared: no files in {builder.data_dir}. Set --config.data.dir "
                f"to the folder that holds it, or {_prepare_help(name, data_dir)}"
            )
        try:
            self._records = builder.as_data_source(
                split=split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
            )
        except NotImplementedError as e:
            raise ConfigError(
                f"{where}: expected ArrayRecord files in {builder.data_dir}, found "
                f"{info.file_format.value}; prepare it with file_format='array_record'"
            ) from e
        except ValueError as e:
            raise ConfigError(
                f"{where}: no split {split!r} in {builder.data_dir}, found "
                f"{', '.join(info.splits)} (and slices of them, as in 'train[:90%]')"
            ) from e
        self._parse: Callable[[bytes], Any] = tf_example_pb2.Example.FromString
        self._split = f"{name}/{split}"
        self._last = threading.local()
        with contextlib.suppress(BadImageError):  # of a damaged first record
            if len(self) and self.label(0) < 0:  # as in the test splits of most competitions
                raise ConfigError(f"{where}: split {split!r} has no labels (its first is -1)")

    def __reduce__(self) -> Any:
        return Tfds, self._opened  # another process opens the files itself

    def __len__(self) -> int:
        return len(self._records)

    def label(self, index: int) -> int:
        """The label of the record; free after `stored(index)` in the same thread."""
        return int(self._record(index)[self._label].int64_list.value[0])

    def stored(self, index: int) -> bytes:
        """The bytes of the image's file; raises BadImageError."""
        return self._record(index)[self._image].bytes_list.value[0]

    def name(self, index: int) -> str:
        """`name/split/index`, and the file's name where the set has it."""
        name = f"{self._split}/{index}"
        with contextlib.suppress(BadImageError):
            name = f"{name} {self._file_name(index)}".rstrip()
        return name

    def file(self, index: int) -> str:
        """The file name of the image where the set has one (`imagenet2012` does), else `name`."""
        return self._file_name(index) or self.name(index)

    def _file_name(self, index: int) -> str:
        """The file name in the record, empty where the set has none."""
        names = self._record(index)[FILE_NAME].bytes_list.value if self._has_file_names else []
        return names[0].decode(errors="replace") if names else ""

    def _record(self, index: int) -> Any:
        """The features of record `index`; each thread caches its last record."""
        last = self._last
        if getattr(last, "index", None) != index:
            try:
                record = self._records[index]
            except RuntimeError as e:  # ArrayRecord's error for a damaged shard
                raise BadImageError(f"damaged record: {e}") from e
            if not record:  # and its result for a truncated one
                raise BadImageError("damaged record: it is empty")
            last.features = self._parse(record).features.feature
            last.index = index
        return last.features


def _line(error: Exception, index: int) -> str:
    """One line of an error's message; TFDS's have advice before or after it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[index]


def _prepare_help(name: str, data_dir: str) -> str:
    """The command that prepares a set."""
    if name.split(":")[0] == imagenet.NAME:
        return f"prepare it. {download_help()}"
    return (
        f"pip install 'inception-jax[prepare]' and run tfds.builder({name!r}, "
        f"data_dir={data_dir or None!r}, file_format='array_record').download_and_prepare()"
    )


def _keys(info: Any, where: str) -> tuple[str, str]:
    """Names of the image and label features: the supervised pair, or `image` and `label`."""
    from tensorflow_datasets import features as types

    features = dict(info.features.items()) if info.features else {}
    images = [name for name, kind in features.items() if isinstance(kind, types.Image)]
    labels = [name for name, kind in features.items() if isinstance(kind, types.ClassLabel)]
    for pair in (info.supervised_keys, ("image", "label")):
        if pair and pair[0] in images and pair[1] in labels:
            return pair[0], pair[1]
    raise ConfigError(
        f"{where}: expected an image feature and a class label, got "
        f"{ {k: type(v).__name__ for k, v in features.items()} }"
    )
