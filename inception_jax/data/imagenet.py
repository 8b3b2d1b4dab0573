"""The facts of ImageNet (ILSVRC 2012): counts, classes, names of validation files."""

import importlib.util
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

NAME = "imagenet2012"  # of tensorflow-datasets' set
CLASSES = 1000
IMAGES = {"train": 1_281_167, "validation": 50_000}
BLACKLISTED = 1_762  # validation images on the development kit's list; 48,238 are left
WNID = re.compile(r"n\d{8}")
VALIDATION_FILE = "ILSVRC2012_val_{:08d}.JPEG"  # numbered from 1

_VALIDATION_ID = re.compile(r"ILSVRC2012_val_(\d{8})(?!\d)")


@cache
def wnids() -> tuple[str, ...]:
    """The 1,000 WordNet ids, `n01440764` first, in the order of the classes of published networks.

    Read from tensorflow-datasets' list, without importing it.
    """
    spec = importlib.util.find_spec("tensorflow_datasets")
    assert spec and spec.submodule_search_locations  # a dependency
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "imagenet2012"
    return tuple((folder / "labels.txt").read_text(encoding="utf-8").split())


def class_names() -> list[str]:
    """English names of the 1,000 classes, by label (torchvision's list)."""
    text = resources.files("inception_jax.data").joinpath("imagenet_classes.txt")
    return text.read_text(encoding="utf-8").splitlines()


def is_imagenet(name: str, classes: Sequence[str]) -> bool:
    """Whether a set is meant to be ImageNet: by its TFDS name, or by a thousand WordNet folders."""
    wordnet = len(classes) == CLASSES and all(map(WNID.fullmatch, classes))
    return name.split(":")[0] == NAME or wordnet


def not_comparable(classes: Sequence[str], images: int) -> str:
    """Why results on `images` images cannot be compared with published ones; empty if they can."""
    if tuple(classes) != wnids():
        return (
            f"these are not ImageNet's validation images ({len(classes)} classes such as "
            f"{classes[0]!r}, not its {CLASSES:,}): nothing published compares with them"
        )
    everything = IMAGES["validation"]
    if images not in (everything, everything - BLACKLISTED):
        return (
            f"{images:,} images are neither all {everything:,} of ImageNet's validation set nor "
            f"the {everything - BLACKLISTED:,} that are not blacklisted: published figures are of "
            f"others"
        )
    return ""


def validation_id(file: str) -> int:
    """1 to 50,000 for the path of `ILSVRC2012_val_00000001.JPEG`; 0 for another file."""
    match = _VALIDATION_ID.search(file)
    return int(match[1]) if match else 0
