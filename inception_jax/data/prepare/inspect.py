"""Inspects a data set: its splits, and every image of one of them."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from inception_jax.config import sections
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.images.kind import ImageKind, examine
from inception_jax.data.prepare.survey import Survey
from inception_jax.data.sources.digits import SPLITS, Digits
from inception_jax.data.sources.folder import Folder
from inception_jax.data.sources.listing import subfolders
from inception_jax.data.sources.source import Source
from inception_jax.errors import ConfigError
from inception_jax.progress import Progress

CHUNK = 32  # images a thread reads at a time


class Split(NamedTuple):
    """Size of a split, and why it cannot be used; empty if it can."""

    images: int
    classes: int
    problem: str = ""


def splits(data: sections.Data) -> dict[str, Split]:
    """The splits of the set that a config's `data` section names; reads no image."""
    if data.source == "digits":
        return {name: _split(Digits(name)) for name in SPLITS}
    if data.source == "folder":
        return {name: _folder(data, name) for name in subfolders(Path(data.dir).expanduser())}
    from inception_jax.data.sources.tfds import Tfds

    source = Tfds(data.name, data.dir, data.train_split)
    return {name: Split(count, len(source.classes)) for name, count in source.splits.items()}


def _split(source: Source) -> Split:
    return Split(len(source), len(source.classes))


def _folder(data: sections.Data, name: str) -> Split:
    try:
        return _split(Folder(data.dir, name, data.train_split))
    except ConfigError as e:
        return Split(0, 0, str(e))


def survey_of(source: Source, threads: int = os.cpu_count() or 1) -> Survey:
    """Read every image once, in `threads` threads."""
    total, survey = len(source), Survey(source.classes, len(source))

    def read(start: int) -> tuple[list[int], list[tuple[int, str, ImageKind | str]]]:
        labels, rows = [], []
        for i in range(start, min(start + CHUNK, total)):
            try:
                rows.append((i, source.name(i), _kind(source, i)))
            except BadImageError as e:
                rows.append((i, source.name(i), str(e)))
            labels += _label(source, i)
        return labels, rows

    bar, done = Progress(total, label="reading"), 0
    with ThreadPoolExecutor(threads) as pool:
        for labels, rows in pool.map(read, range(0, total, CHUNK)):
            survey.counts += np.bincount(labels, minlength=len(survey.counts))
            for index, name, kind in rows:
                if isinstance(kind, ImageKind):
                    survey.add(index, name, kind)
                else:
                    survey.unreadable[name] = kind
            done += len(rows)
            bar.update(done, {"unreadable": str(len(survey.unreadable))})
    bar.close()
    return survey


def _kind(source: Source, index: int) -> ImageKind:
    stored = source.stored(index)
    return examine(stored) if isinstance(stored, bytes) else ImageKind("pixels", *stored.shape[:2])


def _label(source: Source, index: int) -> list[int]:
    """The label of an image; empty if its record cannot be read."""
    try:
        return [source.label(index)]
    except BadImageError:
        return []
