"""A set of images as features, logits and their statistics; computed, saved and loaded."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import jax
import numpy as np

from inception_jax.checkpoint import digest
from inception_jax.data.sources.bad_images import check_tolerated
from inception_jax.data.sources.left_out import LeftOut
from inception_jax.errors import ConfigError, DataError, writing
from inception_jax.eval.predict import Predictor
from inception_jax.fid import distances
from inception_jax.models import preprocess
from inception_jax.progress import Progress
from inception_jax.runtime import xla_options
from inception_jax.workdir import atomic


@dataclass(frozen=True)
class ImageSet:
    """Features of a set of images."""

    path: Path  # the folder, or the file that it was read from
    statistics: distances.Statistics
    count: int | None = None  # images; None if the file does not contain it
    features: np.ndarray | None = None  # [n, c]; None if the file has only statistics
    logits: np.ndarray | None = None  # [n, classes] without bias; None without a classifier
    unreadable: Mapping[str, str] = field(default_factory=dict)  # skipped files, and why
    network: str = ""  # digest of the weights; empty if the file does not contain it
    left_out: LeftOut = field(default_factory=LeftOut)  # names in the folder that are no images

    @property
    def width(self) -> int:
        """Number of features per image."""
        return len(self.statistics.mean)

    def save(self, path: Path) -> None:
        """Writes mu [c] and sigma [c, c], as pytorch-fid does, count and network.

        Raises:
            ConfigError, DiskFullError: the file cannot be written.
        """
        mu, sigma = self.statistics.mean, self.statistics.covariance
        with writing(f"--save={path}"), atomic.replacing(path, ".npz") as partial:
            np.savez(partial, mu=mu, sigma=sigma, count=self.count or 0, network=self.network)


class FeatureExtractor:
    """A run's network as FID uses it: stretched images to pooled features and logits."""

    def __init__(self, predictor: Predictor):
        self._predictor = predictor
        self._forward = xla_options.jit(self._features_and_logits)
        self.network = digest(predictor.variables)

    def extract(
        self, folder: Path, files: list[Path], left_out: LeftOut, batch_size: int = 32
    ) -> ImageSet:
        """The set of the images `files` below `folder`, each once, in order.

        Raises:
            DataError: more than 1% are unreadable, fewer than two are readable, or a feature is
                not finite.
        """
        bar, began = Progress(len(files), label=str(folder)), time.monotonic()
        unreadable: dict[str, str] = {}
        arrays: list[np.ndarray] = []  # [files, ...], the first n rows are filled
        n = 0
        each = self._predictor.each(files, self._forward, self._predictor.stretched, batch_size)
        for i, (path, values, error) in enumerate(each, 1):
            if error:
                unreadable[str(path)] = error
                check_tolerated(unreadable, len(files))
            else:
                arrays = arrays or [np.empty((len(files), *v.shape), v.dtype) for v in values]
                for array, v in zip(arrays, values, strict=True):
                    array[n] = v
                n += 1
            bar.update(i, {"images/s": f"{i / (time.monotonic() - began):.1f}"})
        bar.close()
        features, *logits = (array[:n] for array in arrays)
        return ImageSet(
            folder, _statistics(features, folder), n, features, *logits,
            unreadable=unreadable, left_out=left_out, network=self.network,
        )  # fmt: skip

    def _features_and_logits(self, variables: Any, images: jax.Array) -> tuple[jax.Array, ...]:
        """Features [b, c], and logits [b, classes] without bias if the network has a classifier."""
        model = self._predictor.model
        # By default TPUs and GPUs round the inputs of float32 convolutions to 8 or 11 bits.
        with jax.default_matmul_precision("float32"):
            x = preprocess.as_input(images, model)
            out = model.apply(variables, x, train=False, endpoints=True)
        pool = out.endpoints["pool"]
        if not model.num_classes:
            return (pool,)
        return pool, out.logits - variables["params"]["logits"]["bias"]


def read(path: Path) -> ImageSet:
    """Loads a .npz file with mu and sigma, as pytorch-fid writes them, or `predict`'s features.

    Raises:
        ConfigError: it is not a .npz file.
        DataError: it is damaged, or contains neither.
    """
    if path.suffix != ".npz" or not path.is_file():
        raise ConfigError(f"expected a folder of images or a file named *.npz, got {path}")
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, BadZipFile) as e:
        raise DataError(f"{path} cannot be read as a .npz file: {e}") from e
    shapes = {name: list(a.shape) for name, a in arrays.items()}
    features, mu, sigma = (arrays.get(name) for name in ("features", "mu", "sigma"))
    if features is not None and features.ndim == 2:
        return ImageSet(path, _statistics(features, path), len(features), features)
    if mu is None or sigma is None or mu.ndim != 1 or sigma.shape != 2 * mu.shape:
        raise DataError(
            f"{path}: expected mu [c] and sigma [c, c], or features [n, c]; found {shapes}"
        )
    if not (np.isfinite(mu).all() and np.isfinite(sigma).all()):
        raise DataError(f"{path}: expected finite statistics, got NaN or infinity")
    gaussian = distances.Statistics(mu.astype(np.float64), sigma.astype(np.float64))
    count, network = int(arrays.get("count", 0)), str(arrays.get("network", ""))
    return ImageSet(path, gaussian, count or None, network=network)


def _statistics(features: np.ndarray, path: Path) -> distances.Statistics:
    if len(features) < 2:
        raise DataError(f"{path}: expected at least 2 images, a covariance needs them")
    if not np.isfinite(features).all():
        raise DataError(
            f"{path}: expected finite features, got NaN or infinity; the weights may be damaged"
        )
    return distances.statistics(features)
