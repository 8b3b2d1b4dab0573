"""Tests `inception_jax/eval/published.py` and its JSON: what the papers print, as they print it."""

import json
from importlib import resources

import pytest

from inception_jax import models
from inception_jax.eval.protocols import COUNTS
from inception_jax.eval.published import rows, title


@pytest.mark.parametrize(
    ("networks", "crops", "expected"),
    [
        ([("googlenet", "paper")], 1, [(None, 10.07), (29.0, 9.2)]),
        ([("googlenet", "batchnorm")], 1, [(None, 10.07), (29.0, 9.2), (26.8, None)]),
        ([("googlenet", "paper")] * 7, 144, [(None, 6.67)]),
        ([("inception_v3", "slim")], 1, [(21.2, 5.6), (21.2, 5.6), (22.0, 6.1)]),
        ([("inception_v3", "torchvision")], 1, [(21.2, 5.6), (21.2, 5.6), (22.706, 6.55)]),
        ([("inception_v3", "slim")], 144, [(18.77, 4.2), (18.9, 4.3)]),
        ([("inception_v3", "slim")] * 4, 144, [(17.2, 3.46), (17.3, 3.6)]),
        ([("inception_resnet_v2", "slim")] * 3 + [("inception_v4", "slim")], 144, [(16.5, 3.1)]),
        ([("inception_v4", "slim")] * 2, 144, []),
        ([("inception_v4", "slim")], 12, [(18.7, 4.2)]),
    ],
)
def test_rows(networks, crops, expected):
    """Of a network, its dialect, the crops and the models; accuracies are turned into errors."""
    assert [(r.top1, r.top5) for r in rows(networks, crops)] == expected


def test_every_row_is_of_a_network_that_there_is():
    """Names, dialects, crops and images; top-5 below top-1; and each says where it is from."""
    text = resources.files("inception_jax.eval").joinpath("published.json").read_text()
    for row in json.loads(text):
        for word in row["network"].split(" + "):
            name = word.split("x ")[-1]
            assert row.get("dialect") in (None, *models.dialects(name))
        assert row["crops"] in COUNTS.values() and row["images"] in (None, 48_238, 50_000)
        assert row["source"] and row["as"] in ("error", "accuracy")
        one, five = row["top1"], row["top5"]
        assert one is None or five is None or (one > five) == (row["as"] == "error")


def test_titles():
    """One name for equal networks, counted ones for different."""
    assert title(["a", "a"]) == "a"
    assert title(["b", "a", "b"]) == "1x a + 2x b"
