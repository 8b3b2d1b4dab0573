"""Tests `inception_jax/bench/ratios.py`: what is divided by what."""

import pytest

from inception_jax.bench.ratios import results, spread


def run(part, who, number, peak=100, **figures):
    return {"part": part, "who": who, "round": number, "figures": figures, "peak_bytes": peak}


def test_of_rates_and_of_seconds_ours_is_faster_above_one():
    """Images a second are divided by theirs, seconds the other way round; others stay alone."""
    rows = results(
        [
            run("train", "ours", 1, images_per_s=6.0),
            run("train", "torch", 1, images_per_s=2.0),
            run("compile", "ours", 1, cold_s=4.0, warm_s=2.0, first_step_s=9.0),
            run("compile", "plain", 1, cold_s=2.0, warm_s=8.0),
        ]
    )
    found = {(r["figure"], r.get("peer")): r.get("ratio", {}).get("median") for r in rows}
    assert found == {
        ("images_per_s", "torch"): 3.0,
        ("cold_s", "plain"): 0.5,
        ("warm_s", "plain"): 4.0,
        ("first_step_s", None): None,
    }


def test_ratios_are_within_rounds():
    """A machine that slows down between rounds changes no ratio; a round of one alone is none."""
    runs = [
        *(
            run("eval", "ours", i, 7 * i, images_per_s=x)
            for i, x in ((1, 8.0), (2, 4.0), (3, 99.0))
        ),
        *(run("eval", "plain", i, images_per_s=x) for i, x in ((1, 4.0), (2, 2.0), (4, 1.0))),
    ]
    (row,) = results(runs)
    assert row["ratio"] == {"median": 2.0, "low": 2.0, "high": 2.0} and row["rounds"] == 2
    assert row["ours"] == {"median": 8.0, "peak_bytes": 21}
    assert row["theirs"]["median"] == 2.0


def test_a_peer_without_a_common_round_has_no_ratio():
    """It was interrupted before: ours stands alone."""
    (row,) = results(
        [run("eval", "ours", 2, images_per_s=8.0), run("eval", "plain", 1, images_per_s=1.0)]
    )
    assert "peer" not in row and row["ours"]["median"] == 8.0


def test_nothing_of_ours_is_no_row():
    """A peer alone compares with nothing."""
    assert results([run("eval", "plain", 1, images_per_s=1.0)]) == []


@pytest.mark.parametrize("values", [[2.0, 1.0, 5.0], [1.0, 2.0, 2.0, 5.0]])
def test_spread(values):
    """The median, and both ends."""
    assert spread(values) == {"median": 2.0, "low": 1.0, "high": 5.0}
