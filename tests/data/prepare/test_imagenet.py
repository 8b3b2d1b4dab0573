"""Tests of inception_jax.data.prepare.imagenet."""

import pytest

from inception_jax.data.prepare.imagenet import missing_images


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"train": 1_281_167, "validation": 50_000}, []),
        ({"train": 1_281_167, "val": 50_000, "test": 3}, []),
        ({"train": 1_281_160, "val": 50_000}, ["7 are missing", "ILSVRC2012_img_train.tar"]),
        ({"train": 1_281_167}, ["validation: expected 50,000 images, found 0: 50,000 are missing"]),
        ({"train": 1_281_167, "val": 50_001}, ["found 50,001: 1 too many"]),
    ],
)
def test_missing_images(found, says):
    """What a split lacks, and the archive of that split only."""
    said = "\n".join(missing_images(found))
    assert all(text in said for text in says) and bool(said) == bool(says)
    assert ("img_train.tar" in said) == (found["train"] != 1_281_167)
    assert "image-net.org" in said or not says
