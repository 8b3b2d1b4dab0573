"""What is particular to ILSVRC 2012: its classes' WordNet ids, its validation files' numbers."""

import importlib.util
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

CLASSES = 1000
IMAGES = 50_000  # of the validation set
BLACKLISTED = 1_762  # of them, by the development kit's list; 48,238 are left

_ID = re.compile(r"ILSVRC2012_val_(\d{8})(?!\d)")


@cache
def wnids() -> tuple[str, ...]:
    """The 1,000 ids, `n01440764` first, in the order of the classes of every published network.

    They are tensorflow-datasets' list, read without importing it.
    """
    found = importlib.util.find_spec("tensorflow_datasets")
    assert found and found.submodule_search_locations  # a dependency
    folder = Path(found.submodule_search_locations[0]) / "datasets" / "imagenet2012"
    return tuple((folder / "labels.txt").read_text(encoding="utf-8").split())


def difference(classes: Sequence[str], images: int) -> str:
    """Why figures on some images cannot be compared with those published; empty if they can."""
    if tuple(classes) != wnids():
        return (
            f"these are not ImageNet's validation images ({len(classes)} classes such as "
            f"{classes[0]!r}, not its {CLASSES:,}): nothing published compares with them"
        )
    if images not in (IMAGES, IMAGES - BLACKLISTED):
        return (
            f"{images:,} images are neither all {IMAGES:,} of ImageNet's validation set nor the "
            f"{IMAGES - BLACKLISTED:,} that are not blacklisted: published figures are of others"
        )
    return ""


def validation_id(file: str) -> int:
    """1 to 50,000 for the path of `ILSVRC2012_val_00000001.JPEG`; 0 for another file."""
    match = _ID.search(file)
    return int(match[1]) if match else 0
