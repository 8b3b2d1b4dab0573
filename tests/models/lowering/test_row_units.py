"""Tests `inception_jax/models/lowering/row_units.py`: where recomputation cuts a network."""

from inception_jax import models
from inception_jax.models.lowering import remat
from inception_jax.models.lowering.row_units import checkpoint_names, units


def test_the_stem_is_one_unit():
    """Inception-v3's seven rows down to 35x35, then each module by itself."""
    rows = models.create("inception_v3").rows()
    parts = units(rows)
    assert [row.name for row, _ in parts[0]][-1] == "pool_5a"
    assert [len(p) for p in parts] == [7] + [1] * 11


def test_halved_outputs_are_saved():
    """In the stem the outputs that halve their input, and the last, are saved."""
    rows = models.create("inception_v3").rows()
    saved = [r.name for r, n in zip(rows, checkpoint_names(rows), strict=True) if n == remat.BLOCK]
    assert saved == ["pool_3a", "pool_5a"]


def test_a_network_without_a_stem():
    """Small images have no large grids: every row is a unit."""
    rows = models.create("inception_v3", stem="small").rows()
    assert all(len(p) == 1 for p in units(rows))
