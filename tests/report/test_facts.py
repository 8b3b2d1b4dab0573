"""Tests `report/facts.py`: the facts of a run in words."""

from inception_jax.report import facts

ORIGIN = {
    "git": "fa31f90", "changed": True, "dialect": "slim",
    "versions": {"python": "3.11.7", "jax": "0.10.2", "inception_jax": "0.1.0"},
    "devices": {"kind": "TPU v4", "count": 8}, "data": {"images": 1281167, "classes": 1000},
}  # fmt: skip
CONFIG = {
    "data": {"source": "tfds", "name": "imagenet2012", "image_size": 299},
    "model": {"name": "inception_v3", "width": 0.5},
}


def test_everything_that_is_known():
    """Network with dialect, width and image size; data; devices; code; start."""
    assert dict(facts.of(CONFIG, ORIGIN, 0.0)) == {
        "network": "inception_v3, slim dialect, width 0.5, 299 pixels",
        "data": "tfds imagenet2012, 1,281,167 training images, 1,000 classes",
        "devices": "8 × TPU v4",
        "code": "inception_jax 0.1.0, commit fa31f90 with changes, python 3.11.7, jax 0.10.2",
        "started": "1970-01-01 00:00 UTC",
    }


def test_a_regression_has_targets():
    """The same count is not of classes."""
    data = {"source": "folder", "task": "regression", "classes": 2}
    assert dict(facts.of({"data": data}, {}, None))["data"] == "folder, 2 targets"


def test_an_older_or_damaged_run():
    """What is not known is left out."""
    assert list(facts.of({}, {}, None)) == []
    damaged = {"data": [1], "model": {"name": None, "width": "x"}}
    assert list(facts.of(damaged, {"devices": 3, "versions": []}, None)) == []
