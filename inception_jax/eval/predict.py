"""Predictions and features for image files, preprocessed as in the run's evaluation."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import cv2
import jax
import numpy as np

from inception_jax.config import Config
from inception_jax.data.images.crops import evaluated_size
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.file_kind import RGB, FileKind
from inception_jax.data.sources.left_out import LeftOut
from inception_jax.data.sources.listing import images_below
from inception_jax.errors import ConfigError
from inception_jax.eval import loading
from inception_jax.eval.protocols import from_data_section
from inception_jax.models.trained import Forward
from inception_jax.runtime import compiling, cores

Prediction = tuple[Path, list[tuple[str, float]], str | None]
Crop = Callable[[Picture], np.ndarray]


def image_files(paths: list[Path], kind: FileKind = RGB) -> tuple[list[Path], LeftOut]:
    """The files of `paths`, each folder replaced by the images below it, sorted.

    Also returns what else is in the folders. Of a group of `kind` it is the first file.

    Raises:
        ConfigError: a path does not exist, or a folder holds no image.
    """
    files, left_out = list[Path](), LeftOut()
    for path in paths:
        if not path.exists():
            raise ConfigError(f"expected an image file or a folder, found nothing at {path}")
        if path.is_dir():
            names, others = images_below(path, kind.suffixes)
            firsts = kind.firsts([os.fsencode(name) for name in names], others)
            files += [path / names[i] for i in firsts]
            left_out.add_all(others, str(path))
        else:
            files.append(path)
    return files, left_out


class Predictor:
    """A trained network on image files: the next batch is read while one is computed.

    Attributes:
        network: with its weights.
        task: of the run.
    """

    def __init__(self, config: Config, workdir: Path, step: int | None = None):
        self._data = config.data
        self._views = from_data_section(config.data, config.eval.protocol).count
        self.network = loading.from_run(config, workdir, step)
        self.step, self.classes = self.network.step, self.network.classes
        self.task = self.network.task
        self.model, self.variables = self.network.folded

    def run(
        self, files: list[Path], top: int, threshold: float = 0.5, batch_size: int = 32
    ) -> Iterator[Prediction]:
        """For each file its path, names with numbers, and an error or None.

        See `TrainedNetwork.predict`.
        """
        network, batch_size = self.network, max(1, batch_size // self._views)
        for path, x, error in self.each(files, network.predictions, network.views, batch_size):
            yield path, [] if error else network.named(x, top, threshold), error

    def features(
        self, files: list[Path], row: str, pooled: bool, batch_size: int = 32
    ) -> Iterator[tuple[Path, np.ndarray, str | None]]:
        """For each file its path, features, and an error or None.

        `row` is an end-point of the network, such as `mixed_7c` or `pool`; with `pooled` it is
        averaged over the grid: [c], not [h, w, c].

        Raises:
            ConfigError: the network has no such end-point; the message lists all.
        """
        try:
            forward = self.network.row(row, pooled)
        except ConfigError as e:
            raise ConfigError(f"--features: {e}") from e
        return self.each(files, forward, self.centre, batch_size)

    def centre(self, picture: Picture) -> np.ndarray:
        """The evaluation crop of `picture`: [s, s, c]."""
        return self.network.crop(picture)

    def stretched(self, picture: Picture) -> np.ndarray:
        """All of `picture` resized to a square: float32 [s, s, 3], 0..255, not rounded.

        Bilinear between the centres of pixels, without antialiasing, as pytorch-fid's
        `interpolate(align_corners=False)`. (torch-fidelity aligns the corners of pixels, as
        TensorFlow 1 did.)
        """
        side = evaluated_size(self._data)
        pixels = picture.whole().astype(np.float32)
        return cv2.resize(pixels, (side, side), interpolation=cv2.INTER_LINEAR)

    def each(
        self, files: list[Path], forward: Forward, crop: Crop, batch_size: int
    ) -> Iterator[tuple[Path, Any, str | None]]:
        """For each file its path, the result of `forward`, and an error or None.

        `forward` maps variables and images [b, ...], each as `crop` has it (such as `centre`), to
        arrays [b, ...]; it is jitted, so that the host reads the next batch while the device
        computes. The last batch is padded with black images.
        """
        # Results are yielded one batch behind the one that is read.
        delayed = pairwise(chain(self._passes(files, forward, crop, batch_size), [None]))
        for (batch, values, errors), _ in delayed:  # type: ignore[misc]
            values = jax.device_get(values)
            for i, (path, error) in enumerate(zip(batch, errors, strict=True)):
                yield path, jax.tree.map(lambda v, i=i: v[i], values), error

    def _passes(
        self, files: list[Path], forward: Forward, crop: Crop, batch_size: int
    ) -> Iterator[tuple[list[Path], Any, list[str | None]]]:
        """Batches of files with their results on the device and their errors."""
        cv2.setNumThreads(0)  # the pool's threads decode
        variables = jax.device_put(self.variables)
        forward = compiling.clocked_once(forward, "the network")
        kind = self.network.kind
        blank = crop(Picture(np.zeros((1, 1, kind.channels), kind.dtype)))
        batch_size = min(batch_size, len(files))
        with ThreadPoolExecutor(cores.available()) as pool:
            for start in range(0, len(files), batch_size):
                batch = files[start : start + batch_size]
                read = list(pool.map(partial(_read, crop=crop, kind=kind), batch))
                images = [blank if image is None else image for image, _ in read]
                images += [blank] * (batch_size - len(batch))
                yield batch, forward(variables, np.stack(images)), [error for _, error in read]


def _read(path: Path, crop: Crop, kind: FileKind) -> tuple[np.ndarray | None, str | None]:
    """The crop of a file's image, or the reason why it cannot be read."""
    try:
        return crop(Picture(kind.read(os.fsencode(path)))), None
    except (BadImageError, OSError) as e:
        return None, str(e)
