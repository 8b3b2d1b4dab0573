"""Which output of a network is which class of a data set: 1000, 1001 and 1008 outputs, or names.

Outputs that are no class of the data (a background, classes without images here) are left out
before the softmax, as timm and Keras do with the background.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inception_jax.data import imagenet
from inception_jax.errors import ConfigError, DataError

# The label map of the 1008: target_class is the output, target_class_string the WordNet id.
MAP = "imagenet_2012_challenge_label_map_proto.pbtxt"
OF_MAP = 1008
_ENTRY = re.compile(r'target_class:\s*(\d+)\s+target_class_string:\s*"([^"]*)"')


def columns(
    classes: Sequence[str], names: Sequence[str], count: int, given: str = ""
) -> np.ndarray | None:
    """The output of each class, int32 [classes]; None where class i is output i, and no other is.

    Args:
        classes: of the data.
        names: of the outputs, as the run has them; may be empty.
        count: outputs.
        given: a file that names the outputs: a line each, or `MAP` itself.

    Raises:
        ConfigError: a network without outputs, or there is no such file.
        DataError: it cannot be told which output is which class.
    """
    if not count:
        raise ConfigError("expected a network with a classifier, this one has features only")
    names = _given(given, count) if given else list(names)
    named = len(names) == count and not all(n == f"class {i}" for i, n in enumerate(names))
    found = _by_name(classes, names) if named else None
    if found is None and not given:
        found = _by_place(classes, names if named else [], count)
    if found is None:
        raise DataError(_unknown(classes, names, count, given))
    same = len(found) == count and (found == np.arange(count)).all()
    return None if same else found


def _by_name(classes: Sequence[str], names: Sequence[str]) -> np.ndarray | None:
    """By what both sides call them: as a whole, or one by one."""
    for first in (0, 1):  # 1: after the background
        if list(names[first:]) == list(classes):
            return np.arange(first, len(names), dtype=np.int32)
    place = {name: i for i, name in enumerate(names)}
    if set(classes) <= place.keys() and len(set(names)) == len(names):
        return np.array([place[c] for c in classes], np.int32)
    return None


def _by_place(classes: Sequence[str], names: Sequence[str], count: int) -> np.ndarray | None:
    """By the order that ImageNet's classes have in published networks, or by a run's own."""
    ours = imagenet.class_names()
    order = {w: i for i, w in enumerate(imagenet.wnids())}
    background = int(count == imagenet.CLASSES + 1)
    of_imagenet = count - background == imagenet.CLASSES and list(names[background:]) in (
        [],
        ours,
    )
    if of_imagenet and set(classes) <= order.keys():
        return np.array([background + order[c] for c in classes], np.int32)
    if not names and count == len(classes):
        return np.arange(count, dtype=np.int32)
    return None


def named(path: str) -> int:
    """How many outputs a file for `columns` names.

    Raises:
        ConfigError: there is no such file.
    """
    if not Path(path).is_file():
        raise ConfigError(f"--outputs={path}: expected a file that names the outputs, found none")
    text = Path(path).read_text(encoding="utf-8")
    return OF_MAP if _ENTRY.search(text) else len(text.splitlines())


def _given(path: str, count: int) -> list[str]:
    """The names in a file of lines, or in the label map; empty for outputs that have none.

    The label map's classes are found by WordNet ids.
    """
    named(path)
    text = Path(path).read_text(encoding="utf-8")
    entries = _ENTRY.findall(text)
    names = [f"no class {i}" for i in range(count)]
    if entries:
        if max(int(i) for i, _ in entries) >= count:
            raise DataError(f"--outputs={path}: expected outputs below {count}, found more")
        for i, wnid in entries:
            names[int(i)] = wnid
        return names
    lines = text.splitlines()
    if len(lines) != count:
        raise DataError(f"--outputs={path}: expected {count} lines, found {len(lines)}")
    return [line.strip() or names[i] for i, line in enumerate(lines)]


def _unknown(classes: Sequence[str], names: Sequence[str], count: int, given: str) -> str:
    lost = [c for c in classes if c not in set(names)]
    mine = f" named {names[0]!r}, {names[1]!r} and so on" if len(names) > 1 else ""
    hint = f"{MAP}, or " if count == OF_MAP else ""
    return (
        f"expected an output for each of {len(classes)} classes ({classes[0]!r} and so on), but "
        f"{len(lost)} are not among the {count} outputs{mine}"
        + (f", such as {lost[0]!r}" if lost else "")
        + (
            f"; correct --outputs={given}"
            if given
            else f"; write --outputs=FILE: {hint}a file with the name of an output on each line"
        )
    )
