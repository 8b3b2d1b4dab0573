"""Tests of inception_jax.data.images.contact_sheet."""

from types import SimpleNamespace

import cv2
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.data import pipeline
from inception_jax.data.images import contact_sheet, distort
from inception_jax.errors import ConfigError
from tests.data.pictures import Pictures, settings

pytestmark = pytest.mark.usefixtures("quick_compiler")


@pytest.mark.parametrize(("batch_size", "rows", "colour"), [(10, 2, "fast"), (70, 8, "none")])
def test_the_cells_are_the_training_batch(tmp_path, batch_size, rows, colour):
    """The sheet's cells are the step's images as the train step augments them, eight a row."""
    data = settings(batch_size=batch_size, image_size=24, colour=colour)
    source = Pictures(100, size=40)
    out = tmp_path / "new" / "sheet.png"
    assert contact_sheet.write(SimpleNamespace(data=data, seed=4), source, 2, out) == out
    sheet = cv2.imread(str(out))[..., ::-1]
    scale, count = round(128 / 24), min(batch_size, 64)
    side = 24 * scale + 2
    assert sheet.shape == (rows * side, 8 * side, 3)
    batch = next(
        pipeline.batches(pipeline.TrainReader(source, data, 4), batch_size, range(2, 3), 1)
    )
    expected = distort.augment(
        jnp.asarray(batch["image"], jnp.float32) / 255, distort.image_keys(4, 2, batch_size),
        flip=True, colour=colour,
    )  # fmt: skip
    for i in range(rows * 8):
        y, x = (i // 8) * side, (i % 8) * side
        cell = sheet[y : y + side, x : x + side]
        assert (cell[-2:] == 255).all() and (cell[:, -2:] == 255).all()
        if i >= count:
            assert (cell == 255).all()
            continue
        enlarged = cell[:-2, :-2]
        small = enlarged[::scale, ::scale]
        np.testing.assert_array_equal(small.repeat(scale, 0).repeat(scale, 1), enlarged)
        np.testing.assert_allclose(small, np.asarray(expected[i]) * 255, atol=0.51)


def test_a_name_without_a_format_is_refused(tmp_path):
    """The message lists the suffixes; nothing is written."""
    with pytest.raises(ConfigError, match=r"sheet\.txt: expected a file name ending in \.jpg"):
        contact_sheet.write(SimpleNamespace(data=settings(), seed=0), Pictures(9), 0,
                            tmp_path / "sheet.txt")  # fmt: skip
    assert not list(tmp_path.iterdir())
