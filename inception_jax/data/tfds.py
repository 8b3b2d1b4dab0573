"""Any classification set of tensorflow-datasets, read without TensorFlow."""

import numpy as np

from inception_jax.data.decode import decode
from inception_jax.errors import ConfigError


class Tfds:
    """One split of a prepared data set, through `tfds.data_source` (ArrayRecord, random access).

    The image stays encoded until it is asked for, so a JPEG is decoded once, by us.
    """

    def __init__(self, name: str, data_dir: str, split: str):
        # Late: tensorflow_datasets takes a second to import and only this source needs it.
        import tensorflow_datasets as tfds

        if not name:
            raise ConfigError("data.name is empty: expected a tensorflow-datasets name")
        try:
            builder = tfds.builder(name, data_dir=data_dir or None)
        except tfds.core.registered.DatasetNotFoundError as e:
            raise ConfigError(f"data.name={name}: {str(e).strip().splitlines()[0]}") from e
        features = builder.info.features
        if not (features and {"image", "label"} <= set(features)):
            raise ConfigError(
                f"data.name={name}: expected features `image` and `label`, got {list(features or ())}"
            )
        if split.split("[")[0] not in builder.info.splits:
            raise ConfigError(
                f"data.name={name}: no split {split!r} in {builder.data_dir}, "
                f"found {', '.join(builder.info.splits) or 'none: the set is not prepared'}"
            )
        try:
            self._records = builder.as_data_source(
                split=split, decoders={"image": tfds.decode.SkipDecoding()}
            )
        except NotImplementedError as e:
            raise ConfigError(
                f"data.name={name}: expected ArrayRecord files in {builder.data_dir}; prepare it "
                f"with file_format='array_record'"
            ) from e
        self.classes = tuple(features["label"].names)
        self._split = f"{name}/{split}"

    def __len__(self) -> int:
        return len(self._records)

    def label(self, index: int) -> int:
        """The label of the record; reads it."""
        return int(self._records[index]["label"])

    def image(self, index: int) -> np.ndarray:
        """uint8 [h, w, 3]; raises BadImageError."""
        data = self._records[index]["image"]
        return decode(data) if isinstance(data, bytes) else _rgb(np.asarray(data))

    def name(self, index: int) -> str:
        """`name/split/index`."""
        return f"{self._split}/{index}"


def _rgb(image: np.ndarray) -> np.ndarray:
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
