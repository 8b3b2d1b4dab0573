"""Tests of inception_jax.data.imagenet."""

import pytest

from inception_jax.data import imagenet
from inception_jax.data.imagenet import not_comparable, validation_id, wnids

FOLDERS = [f"n{i:08d}" for i in range(1000)]


def test_classes():
    """A thousand different ids and names, both in the order of the labels."""
    names, ids = imagenet.class_names(), wnids()
    assert len(set(names)) == len(set(ids)) == imagenet.CLASSES
    assert (names[0], names[999]) == ("tench", "toilet tissue")
    assert (ids[0], ids[999]) == ("n01440764", "n15075141") and list(ids) == sorted(ids)
    assert all(map(imagenet.WNID.fullmatch, ids))


def test_validation_id():
    """The number in an official file name; 0 for other files."""
    assert validation_id("a/ILSVRC2012_val_00050000.JPEG") == 50_000
    assert validation_id(imagenet.VALIDATION_FILE.format(7)) == 7
    assert validation_id("val_0001.JPEG") == validation_id("ILSVRC2012_val_000000012.JPEG") == 0


@pytest.mark.parametrize(
    ("name", "classes", "expected"),
    [("imagenet2012", ["tench"], True), ("imagenet2012:5.1.0", [], True), ("", FOLDERS, True),
     ("", FOLDERS[1:], False), ("", ["tench", *FOLDERS[1:]], False), ("imagenette", ["n1"], False)],
)  # fmt: skip
def test_is_imagenet(name, classes, expected):
    """By its name, or by a thousand WordNet folders."""
    assert imagenet.is_imagenet(name, classes) == expected


@pytest.mark.parametrize(
    ("classes", "images", "says"),
    [(wnids(), 50_000, ""), (wnids(), 48_238, ""), (wnids(), 49_999, "49,999 images are neither"),
     (("cat", "dog"), 50_000, "not ImageNet"), (wnids()[:500], 500, "500 classes")],
)  # fmt: skip
def test_not_comparable(classes, images, says):
    """All of ImageNet's validation set, or those that are not blacklisted; nothing else."""
    reason = not_comparable(classes, images)
    assert says in reason and bool(says) == bool(reason)
