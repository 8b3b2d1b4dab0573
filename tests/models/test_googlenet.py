"""Tests `inception_jax/models/googlenet.py`: counts, shapes, auxiliary heads."""

import jax
import pytest

from inception_jax import models
from tests.models.small import REPEATED, one_of_each


def first_rows(dialect):
    names = [r.name for r in models.create("googlenet", dialect=dialect).rows()]
    return models.create("googlenet", dialect=dialect, aux=False, drop_rows=tuple(names[2:]))


def test_odd_images_show_the_padding():
    """At 225 pixels TensorFlow's SAME and torch's ceil_mode give different grids; 224 hides it."""
    grids = {d: models.describe(first_rows(d), 225).rows[1].grid for d in ("slim", "torchvision")}
    assert grids == {"slim": (57, 57), "torchvision": (56, 56)}


def test_paper_heads_need_their_grid():
    """An image whose 4a grid is below 5x5 is refused, naming the head's layer."""
    model = models.create("googlenet", drop_rows=tuple(REPEATED["googlenet"]))
    with pytest.raises(models.ImageTooSmallError, match=r"aux_inception_4a.*5x5, got 4x4"):
        models.describe(model, 64)


def test_small_stem_keeps_16x16():
    """With stem="small" a 32-pixel image reaches module 3a as 16x16 and the heads still exist."""
    model = one_of_each("googlenet", "paper")
    table = models.describe(model)
    rows = {r.name: r.grid for r in table.rows}
    assert rows["inception_3a"] == (16, 16)
    assert rows["inception_4a"] == (8, 8)
    assert [h.name for h in table.heads] == ["aux_inception_4a", "aux_inception_4d"]


def test_slims_classifier_starts_as_its_outer_scope_has_it():
    """He's, where the convolutions of the base have a stddev of 0.01."""
    switches = models.create("googlenet", dialect="slim").switches
    draw = switches.logits_init(jax.random.key(0), (1024, 100))
    assert float(draw.std()) == pytest.approx((2 / 1024) ** 0.5, rel=0.02)


def test_whitened_stem():
    """31x31 after the whitening, 15x15 in module 3a, as many channels of it at any width."""
    table = models.describe(one_of_each("googlenet", "batchnorm", stem="whitened"))
    rows = {r.name: (r.grid, r.channels) for r in table.rows}
    assert rows["whiten"] == ((31, 31), 24) and rows["conv1"] == ((31, 31), 8)
    assert rows["pool1"][0] == rows["inception_3a"][0] == (15, 15)
    assert rows["inception_4a"][0] == (8, 8) and rows["inception_5a"][0] == (4, 4)
    narrow = one_of_each("googlenet_naive", stem="whitened", aux=False)
    assert models.describe(narrow, 8).rows[-1].grid == (1, 1)


def test_other_networks_have_no_whitened_stem():
    """They are refused with those that have it."""
    with pytest.raises(ValueError, match=r"stem='whitened'.*googlenet and googlenet_naive have"):
        models.create("inception_v3", stem="whitened")
    with pytest.raises(ValueError, match=r"unknown stem 'whitend'.*did you mean 'whitened'"):
        models.create("googlenet", stem="whitend")
