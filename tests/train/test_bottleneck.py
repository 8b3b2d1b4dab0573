"""Tests `inception_jax/train/bottleneck.py`: the verdict, and when it is repeated."""

import pytest

from inception_jax.runtime import cores
from inception_jax.train.bottleneck import Bottleneck

STAGES = {"read": 0.1, "decode": 0.9, "resize": 0.2}
CORES = cores.available()


def test_the_step_is_named():
    """Steps do not wait for images: the step is the bottleneck; with the cost of an image."""
    verdict = Bottleneck(2).verdict(0.004, STAGES)
    assert verdict is not None and verdict.startswith("bottleneck: the step; 0.4% of the time")
    assert "1.20 ms (read 0.10, decode 0.90, resize 0.20)" in verdict


@pytest.mark.parametrize(
    ("threads", "stages", "advice"),
    [
        (0, STAGES, "raise --config.data.threads=0"),
        (CORES, STAGES, f"all {CORES} cores read already"),
        (CORES, {"read": 9.0, "decode": 0.9}, "the disk is slow"),
    ],
)
def test_the_input_is_named_with_a_remedy(threads, stages, advice):
    """Steps wait for images: the verdict says how long, and what would help."""
    verdict = Bottleneck(threads).verdict(0.37, stages)
    assert verdict is not None and verdict.startswith("bottleneck: the input; 37% of the time")
    assert advice in verdict


def test_the_verdict_is_given_when_it_changes():
    """None while the verdict stays the same."""
    bottleneck = Bottleneck(2)
    given = [
        bottleneck.verdict(share, STAGES) is not None for share in (0.2, 0.3, 0.01, 0.02, 0.06)
    ]
    assert given == [True, False, True, False, True]
