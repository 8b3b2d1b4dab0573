"""The training images nearest to a photograph, by the features that the classifier reads."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from inception_jax import checkpoint
from inception_jax.config import Config
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.open import open_source
from inception_jax.data.sources.source import Source
from inception_jax.eval.predict import Predictor
from inception_jax.explain import program
from inception_jax.models import preprocess
from inception_jax.progress import watched
from inception_jax.runtime import cores
from inception_jax.workdir import atomic

MOST = 5000  # training images to search: of more, equally spaced ones
CROP = ("image_size", "eval_size", "eval_crop", "resize", "interpolation")


class Neighbour(NamedTuple):
    """A training image.

    Attributes:
        name: its file, or split and number.
        label: its class.
        similarity: cosine of the angle between the features of the two images.
        picture: uint8 [s, s, 3], as the network sees it.
    """

    name: str
    label: str
    similarity: float
    picture: np.ndarray


class TrainingImages:
    """A run's training images and their features, which are computed once and kept in the workdir.

    `features-<step>-<digest>.npz` in `folder`; the digest is of the weights, of the names and
    labels of the images, and of the crop. Images are cropped as for evaluation.

    Raises:
        UserError: the training split of the run's config cannot be read.
    """

    def __init__(self, predictor: Predictor, config: Config, folder: Path):
        self._predictor, data = predictor, config.data
        self.source = open_source(data, data.train_split)
        total = len(self.source)
        self.searched = np.unique(np.linspace(0, total - 1, min(total, MOST)).round().astype(int))
        crop = {key: getattr(data, key) for key in CROP}
        file = f"features-{predictor.step}-{self._digest(crop)}.npz"
        self.places, self.features = self._kept(folder / file)

    def nearest(self, features: np.ndarray, count: int) -> list[Neighbour]:
        """The images whose features [c] point in the most similar direction, the nearest first."""
        similarity = self.features.astype(np.float32) @ _unit(features)
        best = np.argsort(-similarity, kind="stable")[:count]
        return [self._neighbour(int(self.places[i]), float(similarity[i])) for i in best]

    def _neighbour(self, place: int, similarity: float) -> Neighbour:
        source = self.source
        picture = self._predictor.centre(Picture(source.stored(place)))
        label = source.classes[int(source.label(place))]
        return Neighbour(source.name(place), label, similarity, picture)

    def _digest(self, crop: dict[str, object]) -> str:
        total = hashlib.sha256(json.dumps([crop, len(self.source)]).encode())
        total.update(checkpoint.digest(self._predictor.variables).encode())
        for place in map(int, self.searched):
            line = f"{self.source.name(place)}\n{self.source.label(place)}\n"
            total.update(line.encode(errors="surrogateescape"))
        return total.hexdigest()[:16]

    def _kept(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Places in the split and unit vectors [n, c] from the file, which is written if needed."""
        if not path.is_file():
            places, features = self._compute()
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic.replacing(path, path.suffix) as partial:
                np.savez(partial, places=places, features=features)
        with np.load(path) as file:
            return file["places"], file["features"]

    def _compute(self) -> tuple[np.ndarray, np.ndarray]:
        model, variables = self._predictor.model, self._predictor.variables
        places = list[int]()

        def images() -> Iterator[np.ndarray]:
            for place, picture in watched(self._pictures(), len(self.searched), "training images"):
                if picture is not None:
                    places.append(place)
                    yield np.asarray(preprocess.as_input(picture[None], model))[0]

        features = program.outputs(model, variables, images())[1]
        units = np.stack([_unit(row) for row in features])
        return np.array(places), units.astype(np.float16)

    def _pictures(self) -> Iterator[tuple[int, np.ndarray | None]]:
        """Each place that is searched with its crop, or None if it is unreadable."""
        read = partial(_read, self._predictor, self.source)
        with ThreadPoolExecutor(cores.available()) as pool:
            for start in range(0, len(self.searched), 4 * program.BATCH):
                part = self.searched[start : start + 4 * program.BATCH].tolist()
                yield from zip(part, pool.map(read, part), strict=True)


def _read(predictor: Predictor, source: Source, place: int) -> np.ndarray | None:
    try:
        return predictor.centre(Picture(source.stored(place)))
    except BadImageError:
        return None


def _unit(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32) / max(float(np.linalg.norm(x.astype(np.float64))), 1e-12)
