"""The training images nearest to a photograph, by the features that the classifier reads."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from inception_jax.config import Config
from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.folds import Subset
from inception_jax.data.sources.open import open_source
from inception_jax.data.sources.source import Source
from inception_jax.eval.feature_cache import FeatureCache
from inception_jax.eval.predict import Predictor
from inception_jax.eval.protocols import from_data_section
from inception_jax.explain import program
from inception_jax.runtime import mesh as meshes

MOST = 5000  # training images to search: of more, equally spaced ones


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
    """A run's training images and their features, which a `FeatureCache` keeps in the workdir.

    Images are cropped as for evaluation.

    Attributes:
        total: of the training split.
        source: the images that are searched.

    Raises:
        UserError: the training split of the run's config cannot be read.
    """

    def __init__(self, predictor: Predictor, config: Config, workdir: Path):
        self._predictor, data, network = predictor, config.data, predictor.network
        self.source: Source = open_source(data, data.train_split)
        self.total = len(self.source)
        if self.total > MOST:
            some = np.linspace(0, self.total - 1, MOST).round().astype(int)
            self.source = Subset(self.source, some)
        cache = FeatureCache(
            workdir / "features", network.model, network.variables, meshes.make(), program.BATCH
        )
        own = from_data_section(data, "config")
        features = cache.get(("pool",), self.source, data.train_split, data, own)["pool"][:, 0]
        self._places = np.flatnonzero(np.isfinite(features[:, 0]))
        self._units = np.stack([_unit(row) for row in features[self._places]])

    def nearest(self, features: np.ndarray, count: int) -> list[Neighbour]:
        """The images whose features [c] point in the most similar direction, the nearest first."""
        similarity = self._units @ _unit(features)
        best = np.argsort(-similarity, kind="stable")[:count]
        return [self._neighbour(int(self._places[i]), float(similarity[i])) for i in best]

    def _neighbour(self, place: int, similarity: float) -> Neighbour:
        source = self.source
        picture = self._predictor.centre(Picture(source.stored(place)))
        label = source.classes[int(source.label(place))]
        return Neighbour(source.name(place), label, similarity, picture)


def _unit(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32) / max(float(np.linalg.norm(x.astype(np.float64))), 1e-12)
