"""Tests `inception_jax/models/inception_v3.py`: image sizes, small stem."""

import pytest

from inception_jax import models
from tests.models.small import REPEATED, one_of_each


@pytest.mark.parametrize(("size", "layer"), [(28, "mixed_6a"), (75, "aux_mixed_6e")])
def test_too_small(size, layer):
    """An image below the minimum is refused with the first layer that cannot take it."""
    with pytest.raises(models.ImageTooSmallError, match=rf"layer {layer} needs"):
        models.describe(
            models.create("inception_v3", drop_rows=tuple(REPEATED["inception_v3"])), size
        )


def test_minimum_without_head():
    """75 pixels, Keras's minimum, are enough without the auxiliary head; 74 are not."""
    model = models.create("inception_v3", aux=False, drop_rows=tuple(REPEATED["inception_v3"]))
    assert models.describe(model, 75).rows[-3].grid == (1, 1)
    with pytest.raises(models.ImageTooSmallError):
        models.describe(model, 74)


def test_small_stem():
    """With stem="small" a 32-pixel image reaches 5b as 16x16 and the head spans its grid."""
    table = models.describe(one_of_each("inception_v3"))
    rows = {r.name: r.grid for r in table.rows}
    assert (rows["mixed_5b"], rows["mixed_6e"], rows["mixed_7b"]) == ((16, 16), (8, 8), (4, 4))
    assert [h.name for h in table.heads] == ["aux_mixed_6e"]
