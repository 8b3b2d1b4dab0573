"""Tests of inception_jax.train.bottleneck."""

import os

import pytest

from inception_jax.train.bottleneck import Bottleneck

STAGES = {"read": 0.1, "decode": 0.9, "resize": 0.2}
CORES = os.cpu_count() or 1


def test_the_step_is_named():
    """Nothing waits for images: the step is the bottleneck, with what an image costs."""
    news = Bottleneck(2).verdict(0.004, STAGES)
    assert news is not None and news.startswith("bottleneck: the step; 0.4% of the time")
    assert "1.20 ms (read 0.10, decode 0.90, resize 0.20)" in news


@pytest.mark.parametrize(
    ("threads", "stages", "advice"),
    [
        (0, STAGES, "raise --config.data.threads=0"),
        (CORES, STAGES, f"all {CORES} cores read already"),
        (CORES, {"read": 9.0, "decode": 0.9}, "the disk is slow"),
    ],
)
def test_the_input_is_named_with_a_way_out(threads, stages, advice):
    """Steps wait for images: the verdict says how long, and what would help."""
    news = Bottleneck(threads).verdict(0.37, stages)
    assert news is not None and news.startswith("bottleneck: the input; 37% of the time")
    assert advice in news


def test_it_is_said_when_it_changes():
    """The same verdict twice is said once; another one is news."""
    b = Bottleneck(2)
    said = [b.verdict(share, STAGES) is not None for share in (0.2, 0.3, 0.01, 0.02, 0.06)]
    assert said == [True, False, True, False, True]
