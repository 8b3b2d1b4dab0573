"""Which images of a split are evaluated: lists of names or of validation ids to keep or leave."""

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

import numpy as np

from inception_jax.data.imagenet import validation_id
from inception_jax.data.sources.source import Source, file_of
from inception_jax.errors import ConfigError, DataError


@dataclass
class FileNames:
    """The files of a split: their names, read when they are first asked for.

    Attributes:
        source: the split.
        threads: that read; TFDS has the names in its records.
    """

    source: Source
    threads: int = 1

    @cached_property
    def names(self) -> list[str]:
        """Of every image."""
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(partial(file_of, self.source), range(len(self.source))))

    @cached_property
    def ids(self) -> np.ndarray:
        """1-based ids in ImageNet's validation set, int32 [n]; 0 for other files."""
        return np.array([validation_id(name) for name in self.names], np.int32)

    @cached_property
    def _by_word(self) -> dict[str, list[int]]:
        """Images by each ending of their path, with and without suffix, and by id."""
        found: dict[str, list[int]] = defaultdict(list)
        for index, (name, number) in enumerate(zip(self.names, self.ids.tolist(), strict=True)):
            parts = PurePosixPath(name).parts
            for i in range(len(parts)):
                ending = PurePosixPath(*parts[i:])
                for word in {str(ending), str(ending.with_suffix(""))}:
                    found[word].append(index)
            if number:
                found[str(number)].append(index)
        return found

    def listed(self, flag: str, path: Path) -> tuple[np.ndarray, list[str]]:
        """The images that a list names, in their own order, and its words that name none.

        Raises:
            ConfigError: there is no such list.
            DataError: a word names several images.
        """
        chosen, missing = set(), []
        for word in _words(flag, path):
            number = str(int(word)) if word.isdecimal() else word
            images = self._by_word.get(word) or self._by_word.get(number) or []
            if len(images) > 1:
                raise DataError(
                    f"{flag}={path}: {word!r} names {len(images)} images, such as "
                    f"{self.names[images[0]]} and {self.names[images[1]]}; write more of the path"
                )
            chosen.update(images)
            missing += [] if images else [word]
        return np.array(sorted(chosen), np.int32), missing


def choose(files: FileNames, subset: str, without: str) -> np.ndarray:
    """Indices of the images that are in the list `subset` and not in the list `without`.

    Either may be empty: all images, none. A line is the end of a file's path, with or without its
    suffix, or the 1-based number in ImageNet's validation set, as in the development kit's list of
    blacklisted images.

    Raises:
        ConfigError: there is no such list.
        DataError: `subset` names an image that is not there, `without` none that is, or no image
            is left.
    """
    kept = np.arange(len(files.source), dtype=np.int32)
    if subset:
        kept, missing = files.listed("--subset", Path(subset))
        if missing:
            raise DataError(_unknown(f"--subset={subset}", missing, files))
    if without:
        left, missing = files.listed("--without", Path(without))
        if not len(left):
            raise DataError(_unknown(f"--without={without}", missing, files))
        kept = np.setdiff1d(kept, left)
    if not len(kept):
        raise DataError(f"--subset={subset} --without={without}: no image is left to evaluate")
    return kept


def _words(flag: str, path: Path) -> Iterable[str]:
    if not path.is_file():
        raise ConfigError(f"{flag}={path}: expected a file with one image a line, found none")
    lines = path.read_text(encoding="utf-8").splitlines()
    return filter(None, map(str.strip, lines))


def _unknown(flag: str, missing: list[str], files: FileNames) -> str:
    first = ", ".join(map(repr, missing[:3]))
    if any(w.isdecimal() for w in missing) and not files.ids.any():
        hint = "; numbers need files named ILSVRC2012_val_00000001.JPEG and so on"
    else:
        hint = ""
    return (
        f"{flag}: expected names of images such as {files.names[0]}; {len(missing)} lines name "
        f"none: {first}{hint}"
    )
