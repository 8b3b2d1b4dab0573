"""Tests `chips`: names of slices, consistency of the figures, time of collectives."""

import pytest

from inception_jax.plan import chips


@pytest.mark.parametrize(
    ("name", "topology"),
    [("v5e-16", "v5e:4x4"), ("v5litepod-16", "v5e:4x4"), ("v5e:16x16", "v5e:16x16"),
     ("v5e-1", "v5e:1x1"), ("v5e-8", "v5e:2x4"), ("v5e-256", "v5e:16x16"), ("v6e-32", "v6e:4x8"),
     ("v4-8", "v4:2x2x1"), ("v4-16", "v4:2x2x2"), ("v4-64", "v4:2x4x4"), ("v4-128", "v4:4x4x4"),
     ("v5p-2048", "v5p:8x8x16"), ("v5p-1024", "v5p:8x8x8")],
)  # fmt: skip
def test_names_of_slices(name, topology):
    """As Google's tables have them; v4's and v5p's names count two cores a chip."""
    assert chips.topology(name) == topology


@pytest.mark.parametrize(
    ("name", "message"),
    [("v5e-12", "a power of two"), ("h100-8", "v4, v5e, v5p, v6e"), ("v5e", "v5e:4x4 or v5e-16")],
)
def test_unknown_slices(name, message):
    """The message lists what is expected."""
    with pytest.raises(ValueError, match=message):
        chips.topology(name)


def test_figures_agree():
    """The clocks that follow from the peaks are plausible; kinds and names are unique."""
    assert [round(c.clock / 1e9, 2) for c in chips.CHIPS if c.clock] == [1.05, 1.5, 1.75]
    assert len({c.kind for c in chips.CHIPS}) == len({c.name for c in chips.CHIPS}) == 4
    assert all(chips.of_kind(c.kind) is c is chips.named(f"{c.name}:2x2") for c in chips.CHIPS)
    assert chips.of_kind("cpu") is None


def test_a_sum_over_chips():
    """Twice the bytes of all shards but one over one direction of the links; one chip: none."""
    v5e = chips.named("v5e-16")
    assert v5e is not None
    one, four = ({"kind": "all-reduce", "devices": n, "bytes": 200e9} for n in (1, 4))
    assert chips.seconds(v5e, one) == 0
    assert chips.seconds(v5e, four) == pytest.approx(1.5)


def test_a_gather_moves_half_of_a_sum():
    """A sum passes the links twice, a gather or a scatter once."""
    rows = [{"kind": kind, "devices": 4, "bytes": 200e9} for kind in ("all-reduce", "all-gather")]
    chip = chips.named("v5e-4")
    assert chip is not None
    assert [chips.seconds(chip, r) for r in rows] == [pytest.approx(1.5), pytest.approx(0.75)]
