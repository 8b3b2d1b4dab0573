"""Tests `inception_jax/models/inception_v3.py`: counts, shapes, auxiliary head."""

import pytest

from inception_jax import models

COUNTS = [
    # dialect, classes, trunk, with auxiliary head
    ("torchvision", 1000, 23_834_568, 27_161_264),
    ("torchvision", 1001, 23_836_617, 27_164_082),
    ("slim", 1000, 23_817_352, 27_143_152),
    ("slim", 1001, 23_819_401, 27_145_970),  # the real TF-slim's trainable variables
    ("keras", 1000, 23_817_352, 23_817_352),
]

ENDPOINTS = {
    "conv_1a": (149, 32), "conv_2a": (147, 32), "conv_2b": (147, 64), "pool_3a": (73, 64),
    "conv_3b": (73, 80), "conv_4a": (71, 192), "pool_5a": (35, 192),
    "mixed_5b": (35, 256), "mixed_5c": (35, 288), "mixed_5d": (35, 288),
    "mixed_6a": (17, 768), "mixed_6b": (17, 768), "mixed_6c": (17, 768), "mixed_6d": (17, 768),
    "mixed_6e": (17, 768), "mixed_7a": (8, 1280), "mixed_7b": (8, 2048), "mixed_7c": (8, 2048),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "classes", "trunk", "with_aux"), COUNTS)
def test_counts(dialect, classes, trunk, with_aux):
    """Parameters equal the peers' own counts, and one image costs 5.713 G multiply-adds."""
    model = models.create("inception_v3", dialect=dialect, num_classes=classes)
    table = models.describe(model)
    assert (table.params, table.params_with_aux) == (trunk, with_aux)
    assert abs(table.macs / 1e9 - 5.713) < 1e-3


def test_keras_total():
    """With BatchNorm's moving averages the Keras form has Keras's 23,851,784 numbers."""
    import jax

    model = models.create("inception_v3", dialect="keras")
    shapes = jax.eval_shape(lambda: models.init(model))
    assert sum(x.size for x in jax.tree.leaves(shapes)) == 23_851_784


def test_endpoints():
    """Every row has the released grid and channels at 299."""
    model = models.create("inception_v3")
    rows = {r.name: (r.grid, r.channels) for r in models.describe(model).rows}
    for name, (grid, channels) in ENDPOINTS.items():
        assert rows[name] == ((grid, grid), channels)
    assert [r.name for r in model.rows()] == list(ENDPOINTS)
    for row in model.rows():
        assert rows[row.name] == ((row.grid, row.grid), row.channels)


@pytest.mark.parametrize(("size", "layer"), [(28, "mixed_6a"), (75, "aux_mixed_6e")])
def test_too_small(size, layer):
    """An image below the minimum is refused with the first layer that cannot take it."""
    with pytest.raises(models.ImageTooSmallError, match=layer):
        models.describe(models.create("inception_v3"), size)


def test_minimum_without_head():
    """75 pixels, Keras's minimum, are enough without the auxiliary head; 74 are not."""
    model = models.create("inception_v3", aux=False)
    assert models.describe(model, 75).rows[-3].grid == (1, 1)
    with pytest.raises(models.ImageTooSmallError):
        models.describe(model, 74)


def test_small_stem():
    """With stem="small" a 32-pixel image reaches 5b as 16x16 and the head spans its grid."""
    table = models.describe(models.create("inception_v3", stem="small", width=0.25))
    rows = {r.name: r.grid for r in table.rows}
    assert (rows["mixed_5b"], rows["mixed_6e"], rows["mixed_7c"]) == ((16, 16), (8, 8), (4, 4))
    assert [h.name for h in table.heads] == ["aux_mixed_6e"]
