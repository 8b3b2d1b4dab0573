"""Tests `report/configs.py`: differences between nested configs."""

from inception_jax.report.configs import differences


def test_differences() -> None:
    """Types, missing keys and lists differ; equal numbers do not."""
    a = {"seed": 0, "optim": {"lr": 1, "name": "sgd", "clip": None}, "on": True, "w": [1, 2]}
    b = {"seed": 0, "optim": {"lr": 1.0, "name": "adam"}, "on": 1, "w": [1, 3]}
    assert differences([a, b]) == {
        "optim.name": ["sgd", "adam"],
        "optim.clip": ["null", "—"],
        "on": ["true", "1"],
        "w": ["[1, 2]", "[1, 3]"],
    }
    assert differences([a, a]) == {}
