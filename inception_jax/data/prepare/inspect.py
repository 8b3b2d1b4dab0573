"""Inspects a data set: its splits, and every image of one of them."""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from inception_jax.config import sections
from inception_jax.data import statistics
from inception_jax.data.images import kind as kinds
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.kind import ImageKind, examine
from inception_jax.data.images.picture import Picture, Stored
from inception_jax.data.prepare.survey import Survey
from inception_jax.data.sources import labelled
from inception_jax.data.sources.digits import SPLITS
from inception_jax.data.sources.listing import subfolders
from inception_jax.data.sources.open import open_source
from inception_jax.data.sources.source import Source
from inception_jax.data.statistics import PixelSums
from inception_jax.errors import ConfigError
from inception_jax.progress import Progress
from inception_jax.runtime import user_paths

CHUNK = 32  # images a thread reads at a time


class Split(NamedTuple):
    """Size of a split, and why it cannot be used; empty if it can."""

    images: int
    classes: int
    problem: str = ""


def splits(data: sections.Data) -> dict[str, Split]:
    """The splits of the set that a config's `data` section names; reads no image."""
    if data.source in ("tfds", "raw"):
        from inception_jax.data.sources.raw import Raw
        from inception_jax.data.sources.tfds import Tfds

        opened = Raw if data.source == "raw" else Tfds
        source = opened(data.name, data.dir, data.train_split)
        return {name: Split(count, len(source.classes)) for name, count in source.splits.items()}
    if data.labels:
        names = labelled.splits(data)
    elif data.source == "digits":
        names = SPLITS
    else:
        names = subfolders(user_paths.expanded(data.dir))[0]
    return {name: _split(data, name) for name in names}


def _split(data: sections.Data, name: str) -> Split:
    try:
        source = open_source(data, name)
    except ConfigError as e:
        return Split(0, 0, str(e))
    return Split(len(source), len(source.classes))


def survey_of(
    source: Source, threads: int = os.cpu_count() or 1, with_channels: bool = False
) -> Survey:
    """Read every image once, in `threads` threads; `with_channels`: with their statistics.

    These need every pixel of a JPEG, which takes twice as long.
    """
    total, survey = len(source), Survey(source.classes, len(source))

    def read(start: int) -> list[tuple[str, int | None, ImageKind | str, PixelSums | None]]:
        span = range(start, min(start + CHUNK, total))
        return [_image(source, i, with_channels) for i in span]

    bar, done = Progress(total, label="reading"), 0
    with ThreadPoolExecutor(threads) as pool:
        for images in pool.map(read, range(0, total, CHUNK)):
            for index, (name, label, kind, sums) in enumerate(images, done):
                if sums is not None:
                    survey.channels.add(sums)
                if label is not None:
                    survey.counts[label] += 1
                if isinstance(kind, ImageKind):
                    survey.add(index, name, kind)
                else:
                    survey.unreadable[name] = kind
            done += len(images)
            bar.update(done, {"unreadable": str(len(survey.unreadable))})
    bar.close()
    return survey


def _image(
    source: Source, index: int, with_channels: bool
) -> tuple[str, int | None, ImageKind | str, PixelSums | None]:
    """Name, label (None if its record cannot be read), format or why it is unreadable, and sums."""
    label, sums = None, None
    try:
        stored = source.stored(index)
        if isinstance(stored, bytes) and not with_channels:
            kind: ImageKind | str = examine(stored)
        else:
            pixels = statistics.whole(picture := Picture(stored))
            kind = _kind(stored, picture)
            sums = statistics.sums(pixels) if with_channels else None
    except BadImageError as e:
        kind = str(e)
    with contextlib.suppress(BadImageError):
        label = source.label(index)
    return source.name(index), label, kind, sums


def _kind(stored: Stored, picture: Picture) -> ImageKind:
    if isinstance(stored, bytes):
        return kinds.of(stored, picture.height, picture.width)
    rgb = stored.dtype == "uint8" and stored.shape[2] == 3
    name = kinds.PIXELS if rgb else f"{kinds.PIXELS} of {stored.shape[2]} channels, {stored.dtype}"
    return ImageKind(name, *stored.shape[:2])
