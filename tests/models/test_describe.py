"""Tests `inception_jax/models/describe.py`: a table of a network without arrays."""

from inception_jax import models
from tests.tiny import Tiny, TinyResidual


def test_rows_and_totals():
    """Parameters and multiply-adds by hand; heads count in one of the totals only."""
    table = models.describe(Tiny(), 8)
    rows = {r.name: r for r in table.rows}
    assert rows["conv2"].params == 3 * 3 * 8 * 16 + 2 * 16  # BatchNorm has a gamma and a beta
    assert rows["conv2"].macs == 4 * 4 * 3 * 3 * 8 * 16
    assert (rows["pool1"].grid, rows["pool1"].params) == ((4, 4), 0)
    assert rows["logits"].params == 16 * 10 + 10
    assert table.params == sum(r.params for r in table.rows)
    assert table.params_with_aux - table.params == table.heads[0].params > 0


def test_repeated_blocks_are_one_row():
    """A row counts its blocks and sums their parameters."""
    block = models.describe(TinyResidual(), 8).rows[1]
    assert (block.name, block.times, block.branches) == ("block", 2, (("3x3 8",),))
