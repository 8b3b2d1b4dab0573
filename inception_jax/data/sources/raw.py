"""A prepared set of decoded images, mapped into memory."""

from pathlib import Path
from typing import Any

import numpy as np

from inception_jax.data.prepare import prepared
from inception_jax.data.prepare.raw_shard import mapped
from inception_jax.errors import ConfigError
from inception_jax.runtime import user_paths


class Raw:
    """One split of a set of `data prepare ... --raw`.

    Raises:
        ConfigError: the set or the split is missing, or a shard is damaged.
    """

    def __init__(self, name: str, data_dir: str, split: str):
        self._opened = name, data_dir, split
        where = f"--config.data.name={name}"
        self.folder = user_paths.expanded(data_dir) / name / prepared.VERSION
        manifest = _manifest(self.folder, where)
        self.classes: tuple[str, ...] = tuple(manifest["classes"])
        lengths: dict[str, list[int]] = manifest["splits"]
        self.splits = {split: sum(counts) for split, counts in lengths.items()}
        if split not in lengths:
            raise ConfigError(
                f"{where}: no split {split!r} in {self.folder}, found {', '.join(lengths)}"
            )
        paths = prepared.shards(self.folder, name, split, len(lengths[split]), "raw")
        try:
            shards = [mapped(path) for path in paths]
        except (OSError, ValueError, EOFError) as e:
            raise ConfigError(
                f"{where}: a shard in {self.folder} is missing or damaged ({e}); "
                f"`inception-jax data check` names it"
            ) from e
        self._data = [data for data, _ in shards]
        rows = [(i, *row) for i, (_, index) in enumerate(shards) for row in index.tolist()]
        self._rows: list[tuple[int, int, int, int, int, bytes]] = rows
        self._split = f"{name}/{split}"

    def __reduce__(self) -> Any:
        return Raw, self._opened  # another process maps the files itself, to the same memory

    def __len__(self) -> int:
        return len(self._rows)

    def label(self, index: int) -> int:
        """The class of the image."""
        return self._rows[index][4]

    def stored(self, index: int) -> np.ndarray:
        """A view of the image's pixels on the disk, uint8 [h, w, 3]; read when they are used."""
        shard, start, height, width, *_ = self._rows[index]
        return self._data[shard][start : start + height * width * 3].reshape(height, width, 3)

    def name(self, index: int) -> str:
        """`name/split/index` and the file's name."""
        return f"{self._split}/{index} {self.file(index)}"

    def file(self, index: int) -> str:
        """The name of the file that was decoded."""
        return self._rows[index][5].decode(errors="replace")


def _manifest(folder: Path, where: str) -> dict[str, Any]:
    try:
        manifest = prepared.manifest(folder)
        return {key: manifest[key] for key in ("classes", "splits")}
    except (OSError, KeyError, TypeError) as e:
        raise ConfigError(
            f"{where}: expected a set of decoded images in {folder} (--config.data.dir is the "
            f"folder that holds it), prepared by `inception-jax data prepare ... --raw`: {e!r}"
        ) from e
