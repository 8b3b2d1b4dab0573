"""Predictions for image files: decoded, cropped and normalised as the run's evaluation does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from inception_jax import checkpoint, job, steps
from inception_jax.data import pipeline
from inception_jax.data.decode import BadImageError, decode
from inception_jax.data.folder import SUFFIXES
from inception_jax.errors import ConfigError
from inception_jax.models.names import known

Prediction = tuple[Path, list[tuple[str, float]], str | None]


def image_files(paths: list[Path]) -> list[Path]:
    """Files as they are, folders as the images below them, sorted.

    Raises:
        ConfigError: a path does not exist, or a folder holds no image.
    """
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise ConfigError(f"expected an image file or a folder, found nothing at {path}")
        found = [path]
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
            if not found:
                raise ConfigError(
                    f"expected images ({', '.join(SUFFIXES)}) below {path}, found none"
                )
        files += found
    return files


class Predictor:
    """A run's network, with its averaged weights, class names and preprocessing."""

    def __init__(self, config: Any, workdir: Path, step: int | None = None):
        self._config = config
        self._model = job.build_model(config.model)
        _, self._variables = checkpoint.load(workdir, step)
        self.classes = class_names(workdir, config)

    def run(self, files: list[Path], top: int, batch_size: int = 32) -> Iterator[Prediction]:
        """For each file its path, its `top` classes with probabilities, and what went wrong."""

        @jax.jit
        def probabilities(variables: Any, images: jax.Array) -> jax.Array:
            return jax.nn.softmax(steps.predict(self._model, variables, images))

        for path, p, error in self._each(files, probabilities, batch_size):
            best = [] if error else np.argsort(-p, kind="stable")[:top]
            yield path, [(self.classes[i], float(p[i])) for i in best], error

    def features(
        self, files: list[Path], row: str, pooled: bool, batch_size: int = 32
    ) -> Iterator[tuple[Path, np.ndarray, str | None]]:
        """For each file its path, the features of `row`, and what went wrong.

        Args:
            files: images.
            row: an end-point of the network, such as `mixed_7c`, or `pool`.
            pooled: the mean over the grid, [c], rather than [h, w, c].
            batch_size: images a pass.

        Raises:
            ConfigError: the network has no such end-point; the message lists those there are.
        """
        try:
            known("end-point", row, self._model.ends())
        except ValueError as e:
            raise ConfigError(f"--features: {e}") from e

        @jax.jit
        def features(variables: Any, images: jax.Array) -> jax.Array:
            x = steps.as_input(images, self._model)
            out = self._model.apply(variables, x, train=False, endpoints=True)
            y = out.logits if row == "logits" else out.endpoints[row]
            return y.mean(axis=(1, 2)) if pooled and y.ndim == 4 else y

        return self._each(files, features, batch_size)

    def _each(
        self, files: list[Path], forward: Any, batch_size: int
    ) -> Iterator[tuple[Path, np.ndarray, str | None]]:
        """`forward(variables, images)` for each file, and why a file could not be read."""
        size = self._config.data.image_size
        batch_size = min(batch_size, len(files))
        for start in range(0, len(files), batch_size):
            part = files[start : start + batch_size]
            images = np.zeros((batch_size, size, size, 3), np.uint8)
            errors: list[str | None] = [None] * len(part)
            for i, path in enumerate(part):
                try:
                    images[i] = pipeline.centre(decode(path.read_bytes()), self._config.data)
                except (BadImageError, OSError) as e:
                    errors[i] = str(e)
            values = np.asarray(forward(self._variables, images))
            yield from zip(part, values, errors, strict=False)


def class_names(workdir: Path, config: Any) -> list[str]:
    """Names of the outputs: the run's classes.json, padded where there are more outputs."""
    path = workdir / "classes.json"
    names = json.loads(path.read_text()) if path.is_file() else []
    extra = config.model.num_classes - len(names)
    return [*names, *(f"class {len(names) + i}" for i in range(extra))]
