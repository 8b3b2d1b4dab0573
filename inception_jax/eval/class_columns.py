"""Matching a network's outputs with a data set's classes: 1000, 1001 or 1008 outputs, or by name.

Outputs that match no class of the data (a background, classes without images here) are removed
before the softmax, as timm and Keras do with the background.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inception_jax.data import imagenet
from inception_jax.errors import ConfigError, DataError
from inception_jax.runtime import user_paths

# Label map of the 1008-way graph: target_class is the output, target_class_string the WordNet id.
LABEL_MAP = "imagenet_2012_challenge_label_map_proto.pbtxt"
LABEL_MAP_OUTPUTS = 1008
_ENTRY = re.compile(r'target_class:\s*(\d+)\s+target_class_string:\s*"([^"]*)"')


def columns(
    classes: Sequence[str], names: Sequence[str], count: int, names_file: str = ""
) -> np.ndarray | None:
    """The output of each class, int32 [classes]; None if class i is output i and all are used.

    `names` are those of the `count` outputs as the run saved them, or none; `names_file` names
    the outputs instead: one name a line, or `LABEL_MAP` itself.

    Raises:
        ConfigError: the network has no outputs, or the file does not exist.
        DataError: the outputs cannot be matched with the classes.
    """
    if not count:
        raise ConfigError("expected a network with a classifier, this one has features only")
    names = _read_names(names_file, count) if names_file else list(names)
    named = len(names) == count and not all(n == f"class {i}" for i, n in enumerate(names))
    matched = _by_name(classes, names) if named else None
    if matched is None and not names_file:
        matched = _by_order(classes, names if named else [], count)
    if matched is None:
        raise DataError(_no_match(classes, names, count, names_file))
    same = len(matched) == count and (matched == np.arange(count)).all()
    return None if same else matched


def _by_name(classes: Sequence[str], names: Sequence[str]) -> np.ndarray | None:
    """Matches equal names: the lists as a whole, or name by name."""
    for first in (0, 1):  # 1: after the background
        if list(names[first:]) == list(classes):
            return np.arange(first, len(names), dtype=np.int32)
    position = {name: i for i, name in enumerate(names)}
    if set(classes) <= position.keys() and len(set(names)) == len(names):
        return np.array([position[c] for c in classes], np.int32)
    return None


def _by_order(classes: Sequence[str], names: Sequence[str], count: int) -> np.ndarray | None:
    """Matches by the order of ImageNet's classes in published networks, or by equal counts."""
    order = {w: i for i, w in enumerate(imagenet.wnids())}
    background = int(count == imagenet.CLASSES + 1)
    rest = list(names[background:])
    of_imagenet = count - background == imagenet.CLASSES and (
        not rest or rest == imagenet.class_names()
    )
    if of_imagenet and set(classes) <= order.keys():
        return np.array([background + order[c] for c in classes], np.int32)
    if not names and count == len(classes):
        return np.arange(count, dtype=np.int32)
    return None


def named_outputs(path: str) -> int:
    """The number of outputs that a names file of `columns` is for.

    Raises:
        ConfigError: the file does not exist.
    """
    if not Path(path).is_file():
        raise ConfigError(f"--outputs={path}: expected a file that names the outputs, found none")
    text = user_paths.read_text(path, "--outputs")
    return LABEL_MAP_OUTPUTS if _ENTRY.search(text) else len(text.splitlines())


def _read_names(path: str, count: int) -> list[str]:
    """A name for each output, WordNet ids from the label map; `no class <i>` for unnamed ones."""
    named_outputs(path)
    text = user_paths.read_text(path, "--outputs")
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


def _no_match(classes: Sequence[str], names: Sequence[str], count: int, names_file: str) -> str:
    missing = [c for c in classes if c not in set(names)]
    examples = f" named {names[0]!r}, {names[1]!r}, ..." if len(names) > 1 else ""
    hint = f"{LABEL_MAP}, or " if count == LABEL_MAP_OUTPUTS else ""
    return (
        f"expected an output for each of {len(classes)} classes ({classes[0]!r}, ...), but "
        f"{len(missing)} are not among the {count} outputs{examples}"
        + (f", such as {missing[0]!r}" if missing else "")
        + (
            f"; correct --outputs={names_file}"
            if names_file
            else f"; write --outputs=FILE: {hint}a file with the name of one output on each line"
        )
    )
