"""Tests of `crop="random_resized"` beside torchvision's and timm's `RandomResizedCrop`."""

import random

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from inception_jax.data.images.crops import random_resized_box
from inception_jax.data.order import Stream

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision.transforms").RandomResizedCrop
timm = pytest.importorskip("timm.data.transforms").RandomResizedCropAndInterpolation

pytestmark = pytest.mark.peers

COUNT = 3000
AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)


def drawn(theirs, height, width, area=AREA, aspect=ASPECT, count=COUNT):
    """Boxes [n, 4] of ours and theirs: top, left, height, width."""
    rng, image = Stream(1), Image.new("RGB", (width, height))
    torch.manual_seed(0)
    random.seed(0)
    ours = [random_resized_box(rng.at(i), height, width, area, aspect) for i in range(count)]
    return np.array(ours), np.array([theirs.get_params(image, area, aspect) for _ in range(count)])


@pytest.mark.parametrize("theirs", [torchvision, timm])
@pytest.mark.parametrize(("height", "width"), [(375, 500), (500, 375), (100, 400)])
def test_boxes_have_their_distribution(theirs, height, width):
    """Places, sides, areas and aspects, also where many rectangles do not fit."""
    for a, b in zip(
        *([*x.T, x[:, 2] * x[:, 3], x[:, 3] / x[:, 2]] for x in drawn(theirs, height, width)),
        strict=True,
    ):
        assert stats.ks_2samp(a, b).pvalue > 1e-3


@pytest.mark.parametrize("theirs", [torchvision, timm])
@pytest.mark.parametrize("aspect", [(0.8, 0.8), (1.0, 1.0), (1.25, 1.25)])
def test_sides_are_theirs(theirs, aspect):
    """Of one area and one aspect there is one size: the same."""
    for share in (0.1, 0.25, 0.6):
        ours, wanted = drawn(theirs, 375, 500, (share, share), aspect, 3)
        np.testing.assert_array_equal(ours[:, 2:], wanted[:, 2:])


@pytest.mark.parametrize("theirs", [torchvision, timm])
@pytest.mark.parametrize(("height", "width"), [(10, 1000), (1000, 10), (1, 1), (90, 90), (90, 91)])
def test_the_box_of_last_resort_is_theirs(theirs, height, width):
    """Where no rectangle fits: the central one of an allowed aspect, or the image."""
    area = (1.0, 1.0) if max(height, width) > 91 else (2.0, 2.0)
    ours, wanted = drawn(theirs, height, width, area, count=2)
    np.testing.assert_array_equal(ours, wanted)
