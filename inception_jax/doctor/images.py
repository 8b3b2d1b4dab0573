"""A split of the data: whether it opens, what is in it, whether its images can be read."""

import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from inception_jax.data import pipeline
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.open import open_source
from inception_jax.data.sources.source import Source
from inception_jax.data.threads import AHEAD, PIECE
from inception_jax.doctor.finding import Finding, failure, warning
from inception_jax.errors import ConfigError, DataError

LOOKED_AT = 8  # images of a split


def split(c: Any, name: str, seconds: float = 0.0) -> Finding:
    """One split: its images and classes, a few of them decoded.

    Args:
        c: the config.
        name: of the split.
        seconds: for which it is read as training would, to see how fast that is.
    """
    data = SimpleNamespace(**{**c.data, "cache": False})  # its images are read once
    source = open_source(data, name)
    if len(source.classes) != c.data.classes:
        raise ConfigError(
            f"--config.data.classes={c.data.classes}: expected {len(source.classes)}, the classes "
            f"of split {name!r}; set data.classes and model.num_classes"
        )
    text = f"{name!r}: {len(source):,} images of {len(source.classes):,} classes"
    same = {"images": str(len(source)), "classes": ", ".join(source.classes)}
    bad, tried = _unreadable(source, c.seed)
    if bad:
        named = "; ".join(f"{image}: {reason}" for image, reason in bad.items())
        advice = "`inception-jax data check --config=PAGE` names every such image"
        text += f", {len(bad)} of {tried} tried cannot be read: {named}"
        # One in eight may be bad luck: a run tolerates 1%.
        if 2 * len(bad) > tried:
            return failure(text, advice, DataError.code, same=same)
        return warning(text, advice, same=same)
    text += f", {tried} tried are readable"
    if seconds:
        rate, threads = _rate(source, data, c.seed, seconds)
        text += f"; {rate:,.0f} images/s on {threads} threads"
    return Finding(text, same=same)


def _unreadable(source: Source, seed: int) -> tuple[dict[str, str], int]:
    """Those of a few random images that cannot be read, and how many were tried."""
    count = min(LOOKED_AT, len(source))
    chosen = np.random.default_rng(seed).choice(len(source), count, replace=False)
    bad = {}
    for index in map(int, chosen):
        try:
            Picture(source.stored(index)).whole()
            source.label(index)
        except (BadImageError, DataError) as e:
            bad[source.name(index)] = str(e)
    return bad, count


def _rate(source: Source, data: Any, seed: int, seconds: float) -> tuple[float, int]:
    """Images a second that `data.threads` read in a while, the first ones left out."""
    threads = data.threads
    images = PIECE * threads
    read = pipeline.TrainReader(source, data, seed)
    batches = pipeline.batches(read, images, range(2**20), threads)
    for _ in range(AHEAD + 1):  # those that were begun before the clock
        next(batches)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        next(batches)
        count += images
    rate = count / (time.perf_counter() - began)
    batches.close()  # type: ignore[attr-defined]  # a generator: its threads end now
    return rate, threads


def shared_memory(c: Any, processes: int) -> int:
    """Bytes of shared memory that `data.processes` read into on each of `processes` hosts."""
    size = 3 * c.data.image_size**2 + 8  # and a label and a number
    return (AHEAD + 1) * c.data.batch_size // processes * size if c.data.processes else 0
