"""Tests `inception_jax/models/inception_resnet_blocks.py`: branches and what follows them."""

from inception_jax import models
from tests.models.small import with_rows


def test_what_follows_the_branches():
    """A block's scale, and no ReLU after the last one."""
    model = with_rows("inception_resnet_v2", "slim", ["conv_1a", "block8_last"])
    assert models.describe(model).rows[1].then.endswith("x 1, + input, no ReLU")
