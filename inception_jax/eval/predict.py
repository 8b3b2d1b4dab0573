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
import jax.numpy as jnp
import numpy as np

from inception_jax import checkpoint, models
from inception_jax.config import Config, tasks
from inception_jax.data.images.crops import evaluated_size
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Picture
from inception_jax.data.sources import file_kind
from inception_jax.data.sources.file_kind import RGB, FileKind
from inception_jax.data.sources.left_out import LeftOut
from inception_jax.data.sources.listing import images_below
from inception_jax.errors import ConfigError
from inception_jax.eval.protocols import from_data_section
from inception_jax.eval.views import all_views, centre
from inception_jax.models import from_config, preprocess
from inception_jax.models.names import known
from inception_jax.runtime import compiling, cores, xla_options
from inception_jax.workdir import class_names, target_scale

Prediction = tuple[Path, list[tuple[str, float]], str | None]
Forward = Callable[[Any, np.ndarray], Any]  # variables, images -> arrays
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
    """A run's network, with its averaged weights, class names and preprocessing.

    Attributes:
        task: of the run.
    """

    def __init__(self, config: Config, workdir: Path, step: int | None = None):
        self._config, self.task = config, tasks.of(config.data)
        self._scale = target_scale.of_run(workdir, config.data.task)
        network = from_config.build_model(config.model, config.data.channels)
        network = from_config.evaluated(network, config.data)
        from_config.check_evaluated(network, config.data)
        self.step, variables = checkpoint.load(workdir, step)
        self.model, self.variables = models.fold(network, variables)
        self.classes = class_names.read(workdir, config.model.num_classes)

    def run(
        self, files: list[Path], top: int, threshold: float = 0.5, batch_size: int = 32
    ) -> Iterator[Prediction]:
        """For each file its path, names with numbers, and an error or None.

        They are its `top` classes with probabilities; of several labels those from `threshold` on;
        of a regression all values, in the units of the targets; or an embedding's numbers.
        Probabilities, logits of labels and values are means over the views of `eval.protocol`.
        """
        activation = self.task.activation

        @xla_options.jit
        def means(variables: Any, images: jax.Array) -> jax.Array:
            b, views, *shape = images.shape
            x = preprocess.predict(self.model, variables, images.reshape(b * views, *shape))
            x = jax.nn.softmax(x) if activation == "softmax" else x
            x = x.reshape(b, views, -1)
            if activation == "unit":
                return unit(unit(x).mean(axis=1))
            x = x.mean(axis=1)
            return jax.nn.sigmoid(x) if activation == "sigmoid" else x

        def unit(x: jax.Array) -> jax.Array:
            return x / jnp.linalg.norm(x, axis=-1, keepdims=True)

        def chosen(x: np.ndarray) -> list[tuple[str, float]]:
            if activation == "unit":
                return [(str(i), float(v)) for i, v in enumerate(x)]
            if self._scale:
                values = self._scale.original(x).tolist()
                return list(zip(self.classes, values, strict=True))
            order = np.argsort(-x, kind="stable")
            best = order[:top] if activation == "softmax" else order[x[order] >= threshold]
            return [(self.classes[i], float(x[i])) for i in best]

        own = from_data_section(self._config.data, self._config.eval.protocol)
        crop, batch_size = partial(all_views, protocol=own), max(1, batch_size // own.count)
        for path, x, error in self.each(files, means, crop, batch_size):
            yield path, [] if error else chosen(x), error

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
            known("end-point", row, self.model.endpoint_names())
        except ValueError as e:
            raise ConfigError(f"--features: {e}") from e

        @xla_options.jit
        def features(variables: Any, images: jax.Array) -> jax.Array:
            x = preprocess.as_input(images, self.model)
            out = self.model.apply(variables, x, train=False, endpoints=True)
            y = out.logits if row == "logits" else out.endpoints[row]
            return y.mean(axis=(1, 2)) if pooled and y.ndim == 4 else y

        return self.each(files, features, self.centre, batch_size)

    def centre(self, picture: Picture) -> np.ndarray:
        """The evaluation crop of `picture`: [s, s, c]."""
        return centre(picture, self._config.data)

    def stretched(self, picture: Picture) -> np.ndarray:
        """All of `picture` resized to a square: float32 [s, s, 3], 0..255, not rounded.

        Bilinear between the centres of pixels, without antialiasing, as pytorch-fid's
        `interpolate(align_corners=False)`. (torch-fidelity aligns the corners of pixels, as
        TensorFlow 1 did.)
        """
        side = evaluated_size(self._config.data)
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
        kind = file_kind.of(self._config.data)
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
