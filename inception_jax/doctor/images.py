"""Check a split of the data: images and classes, and whether its images can be read."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from inception_jax.config import Config, counted, sections
from inception_jax.data import pipeline, readers
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Picture
from inception_jax.data.readers import Readers
from inception_jax.data.sources.open import open_source
from inception_jax.data.sources.source import Source, left_out_of
from inception_jax.data.threads import PIECE
from inception_jax.doctor.finding import Finding, failure, warning
from inception_jax.errors import DataError

SAMPLE = 8  # images of a split


def split(c: Config, name: str, seconds: float = 0.0) -> Finding:
    """Checks a split: number of images and classes, and a sample of images.

    If `seconds` are given, the rate of reading is measured for so long, as in training.
    """
    fields = {**cast(Mapping[str, Any], c.data), "cache": False}  # images are read once
    data = cast(sections.Data, SimpleNamespace(**fields))
    source = open_source(data, name)
    if c.data.task != "embedding" or name == c.data.train_split:
        counted.fill_in(c, len(source.classes), name)
    text = f"{name!r}: {len(source):,} images of {len(source.classes):,} classes"
    same = {"images": str(len(source)), "classes": ", ".join(source.classes)}
    bad, tried = _unreadable(source, c.seed)
    if bad:
        named = "; ".join(f"{image}: {reason}" for image, reason in bad.items())
        advice = "`inception-jax data check --config=PAGE` lists all such images"
        text += f", {len(bad)} of {tried} tried cannot be read: {named}"
        # One in eight can be chance: a run tolerates 1%.
        if 2 * len(bad) > tried:
            return failure(text, advice, DataError.code, same=same)
        return warning(text, advice, same=same)
    text += f", {tried} tried are readable"
    if left_out := left_out_of(source):
        text += f"; {len(left_out):,} names are left out (`data check` gives them)"
    if seconds:
        chosen = readers.of(data)
        text += f"; {_rate(source, c, chosen, seconds):,.0f} images/s on {chosen}"
    return Finding(text, same=same)


def _unreadable(source: Source, seed: int) -> tuple[dict[str, str], int]:
    """Tries a random sample; returns the unreadable images with reasons, and the sample's size."""
    count = min(SAMPLE, len(source))
    chosen = np.random.default_rng(seed).choice(len(source), count, replace=False)
    bad = {}
    for index in map(int, chosen):
        try:
            Picture(source.stored(index)).whole()
            source.label(index)
        except (BadImageError, DataError) as e:
            bad[source.name(index)] = str(e)
    return bad, count


def _rate(source: Source, c: Config, chosen: Readers, seconds: float) -> float:
    """Measures the images a second that these readers read, after a warm-up."""
    images = PIECE * chosen.threads
    read = pipeline.TrainReader(source, c.data, c.seed, c.augment)
    batches = pipeline.batches(read, images, range(2**20), **chosen._asdict())
    rate = pipeline.images_per_s(batches, seconds)
    batches.close()  # type: ignore[attr-defined]  # a generator: ends its readers
    return rate
