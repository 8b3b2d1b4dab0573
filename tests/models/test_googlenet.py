"""Tests `inception_jax/models/googlenet.py`: counts, shapes, auxiliary heads."""

import jax
import jax.numpy as jnp
import pytest

from inception_jax import models

# Source of each: shared facts 1.9, themselves equal to the peers' own counts.
COUNTS = [
    # dialect, classes, trunk, with auxiliary heads, GMACs
    ("paper", 1000, 6_998_552, 13_378_280, 1.583),
    ("torchvision", 1000, 6_624_904, 13_004_888, 1.498),
    ("slim", 1001, 6_618_649, 6_618_649, 1.498),
]

# slim's own end-point test at 224 and the paper's Table 1: grid, channels.
ENDPOINTS = {
    "conv1": (112, 64), "pool1": (56, 64), "conv2": (56, 192), "pool2": (28, 192),
    "inception_3a": (28, 256), "inception_3b": (28, 480),
    "inception_4a": (14, 512), "inception_4b": (14, 512), "inception_4c": (14, 512),
    "inception_4d": (14, 528), "inception_4e": (14, 832),
    "inception_5a": (7, 832), "inception_5b": (7, 1024),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "classes", "trunk", "with_aux", "gmacs"), COUNTS)
def test_counts(dialect, classes, trunk, with_aux, gmacs):
    """Parameters and multiply-adds equal the published ones, exactly and to 0.5 M."""
    model = models.create("googlenet", dialect=dialect, num_classes=classes)
    table = models.describe(model)
    assert (table.params, table.params_with_aux) == (trunk, with_aux)
    assert abs(table.macs / 1e9 - gmacs) < 1e-3


@pytest.mark.parametrize("dialect", models.dialects("googlenet"))
def test_endpoints(dialect):
    """Every row has the paper's grid and channels, in the table and by shape evaluation."""
    model = models.create("googlenet", dialect=dialect)
    rows = {r.name: (r.grid, r.channels) for r in models.describe(model).rows}
    for name, (grid, channels) in ENDPOINTS.items():
        assert rows[name] == ((grid, grid), channels)
    for row in model.rows():
        assert rows[row.name] == ((row.grid, row.grid), row.channels)


def test_odd_images_show_the_padding():
    """At 225 pixels TensorFlow's SAME and torch's ceil_mode give different grids; 224 hides it."""
    grids = {
        d: models.describe(models.create("googlenet", dialect=d), 225).rows[1].grid
        for d in ("slim", "torchvision")
    }
    assert grids == {"slim": (57, 57), "torchvision": (56, 56)}


def test_paper_heads_need_their_grid():
    """An image whose 4a grid is below 5x5 is refused, naming the head's layer."""
    model = models.create("googlenet", dialect="paper")
    with pytest.raises(models.ImageTooSmallError, match=r"aux_inception_4a.*5x5, got 4x4"):
        models.describe(model, 64)


def test_small_stem_keeps_16x16():
    """With stem="small" a 32-pixel image reaches module 3a as 16x16 and the heads still exist."""
    model = models.create("googlenet", dialect="paper", stem="small", width=0.25)
    table = models.describe(model)
    rows = {r.name: r.grid for r in table.rows}
    assert rows["inception_3a"] == (16, 16)
    assert rows["inception_4a"] == (8, 8)
    assert [h.name for h in table.heads] == ["aux_inception_4a", "aux_inception_4d"]


def test_lrn_against_a_loop():
    """Local response normalisation equals its definition, channel by channel."""
    from inception_jax.models.layers import local_response_norm

    x = jax.random.normal(jax.random.key(0), (2, 3, 3, 7))
    got = local_response_norm(x, radius=2, bias=1.0, alpha=0.1, beta=0.75)
    for c in range(7):
        total = (x[..., max(0, c - 2) : c + 3] ** 2).sum(-1)
        want = x[..., c] / (1.0 + 0.1 * total) ** 0.75
        assert jnp.allclose(got[..., c], want, atol=1e-6)
