"""The images of a split to evaluate, by lists of names or validation ids to include or exclude."""

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

import numpy as np

from inception_jax.data.imagenet import validation_id
from inception_jax.data.sources.source import Source, file_of
from inception_jax.errors import ConfigError, DataError, shown
from inception_jax.runtime import user_paths


@dataclass
class FileNames:
    """The file names of a split, read on first use."""

    source: Source
    threads: int = 1  # that read the names, which TFDS stores in its records

    @cached_property
    def names(self) -> list[str]:
        """The file name of every image."""
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(partial(file_of, self.source), range(len(self.source))))

    @cached_property
    def ids(self) -> np.ndarray:
        """1-based ids in ImageNet's validation set, int32 [n]; 0 for other files."""
        return np.array([validation_id(name) for name in self.names], np.int32)

    @cached_property
    def _by_word(self) -> dict[str, list[int]]:
        """Images by each suffix of their path, with and without file extension, and by id."""
        images: dict[str, list[int]] = defaultdict(list)
        for index, (name, number) in enumerate(zip(self.names, self.ids.tolist(), strict=True)):
            parts = PurePosixPath(name).parts
            for i in range(len(parts)):
                ending = PurePosixPath(*parts[i:])
                for word in {str(ending), str(ending.with_suffix(""))}:
                    images[word].append(index)
            if number:
                images[str(number)].append(index)
        return images

    def listed(self, flag: str, path: Path) -> tuple[np.ndarray, list[str]]:
        """The images named in a list file, rising, and its lines that match no image.

        Raises:
            ConfigError: the file does not exist.
            DataError: a line matches several images.
        """
        chosen, missing = set(), []
        for word in _words(flag, path):
            number = str(int(word)) if word.isdecimal() else word
            images = self._by_word.get(word) or self._by_word.get(number) or []
            if len(images) > 1:
                raise DataError(
                    f"{flag}={path}: {word!r} names {len(images)} images, such as "
                    f"{shown(self.names[images[0]])} and {shown(self.names[images[1]])}; write "
                    f"more of the path"
                )
            chosen.update(images)
            missing += [] if images else [word]
        return np.array(sorted(chosen), np.int32), missing


def choose(files: FileNames, subset: str, without: str) -> np.ndarray:
    """Indices of the images in the list file `subset` (all if empty) and not in `without`.

    A line is the end of a file's path, with or without extension, or the 1-based number in
    ImageNet's validation set, as in the development kit's list of blacklisted images.

    Raises:
        ConfigError: a list file does not exist.
        DataError: a line of `subset` matches no image, no line of `without` does, or no image is
            left.
    """
    chosen = np.arange(len(files.source), dtype=np.int32)
    if subset:
        chosen, missing = files.listed("--subset", Path(subset))
        if missing:
            raise DataError(_unknown(f"--subset={subset}", missing, files))
    if without:
        excluded, missing = files.listed("--without", Path(without))
        if not len(excluded):
            raise DataError(_unknown(f"--without={without}", missing, files))
        chosen = np.setdiff1d(chosen, excluded)
    if not len(chosen):
        raise DataError(f"--subset={subset} --without={without}: no image is left to evaluate")
    return chosen


def _words(flag: str, path: Path) -> Iterable[str]:
    if not path.is_file():
        raise ConfigError(f"{flag}={path}: expected a file with one image a line, found none")
    lines = user_paths.read_text(path, flag).splitlines()
    return filter(None, map(str.strip, lines))


def _unknown(flag: str, missing: list[str], files: FileNames) -> str:
    first = ", ".join(map(repr, missing[:3]))
    if any(w.isdecimal() for w in missing) and not files.ids.any():
        hint = "; numbers need files named ILSVRC2012_val_00000001.JPEG, ..."
    else:
        hint = ""
    return (
        f"{flag}: expected names of images such as {shown(files.names[0])}; {len(missing)} lines "
        f"name none: {first}{hint}"
    )
