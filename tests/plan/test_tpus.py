"""Tests `tpus`: names of slices, consistency of the figures, time of collectives."""

import pytest

from inception_jax.plan import chips, tpus


@pytest.mark.parametrize(
    ("name", "topology"),
    [("v5e-16", "v5e:4x4"), ("v5litepod-16", "v5e:4x4"), ("v5e:16x16", "v5e:16x16"),
     ("v5e-1", "v5e:1x1"), ("v5e-8", "v5e:2x4"), ("v5e-256", "v5e:16x16"), ("v6e-32", "v6e:4x8"),
     ("v4-8", "v4:2x2x1"), ("v4-16", "v4:2x2x2"), ("v4-64", "v4:2x4x4"), ("v4-128", "v4:4x4x4"),
     ("v5p-2048", "v5p:8x8x16"), ("v5p-1024", "v5p:8x8x8")],
)  # fmt: skip
def test_names_of_slices(name, topology):
    """As Google's tables have them; v4's and v5p's names count two cores a chip."""
    chip = chips.named(name)
    assert chip is not None and chip.compiler(name)["topology_name"] == topology


@pytest.mark.parametrize(
    ("name", "message"),
    [("v5e-12", "a power of two"), ("v5e", "v5e:4x4 or v5e-16")],
)
def test_unknown_slices(name, message):
    """The message lists what is expected."""
    with pytest.raises(ValueError, match=message):
        tpus.topology(tpus.TPUS[1], name)


def test_options_of_a_topology():
    """A v4's device is a chip; one chip has no host's bounds."""
    v4, v5e = tpus.TPUS[:2]
    assert v4.compiler("v4-8")["chip_config_name"] == "megacore"
    assert "chip_config_name" not in v5e.compiler("v5e-8")
    assert v5e.compiler("v5e-1")["chips_per_host_bounds"] == [1, 1, 1]
    assert "chips_per_host_bounds" not in v5e.compiler("v5e-16")


def test_clocks():
    """Those that follow from the peaks are plausible."""
    assert [round(c.clock / 1e9, 2) for c in tpus.TPUS if c.clock] == [1.05, 1.5, 1.75]


def test_a_sum_over_chips():
    """Twice the bytes of all shards but one over one direction of the links; one chip: none."""
    v5e = tpus.TPUS[1]
    assert v5e.network_s("all-reduce", 1, 200_000_000_000) == 0
    assert v5e.network_s("all-reduce", 4, 200_000_000_000) == pytest.approx(1.5)


def test_a_gather_moves_half_of_a_sum():
    """A sum passes the links twice, a gather or a scatter once."""
    v5e = tpus.TPUS[1]
    assert v5e.network_s("all-gather", 4, 200_000_000_000) == pytest.approx(0.75)
