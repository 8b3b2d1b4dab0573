"""Tests `inception_jax/train/divergence.py`: the file of a step that is not finite."""

import json
import math
from types import SimpleNamespace

import numpy as np

from inception_jax.train.divergence import diverged


def test_the_examples_and_the_worst_blocks_are_written(tmp_path):
    """The file is JSON without NaN; the error names the step, the file, and what to change."""
    source = SimpleNamespace(name=lambda i: f"train/{i}.png")
    error = diverged(
        tmp_path, source, "loss nan", step=7, index=np.array([3, 1], np.int32),
        metrics={"loss": math.nan, "lr": 0.1}, before={"loss": 2.5}, checkpoint=4,
        blocks={"grad_norm": {"conv1": math.inf, "logits": 1.0}},
    )  # fmt: skip
    path = tmp_path / "diverged" / "step-7.json"
    assert json.loads(path.read_text()) == {
        "step": 7,
        "metrics": {"loss": "nan", "lr": "0.1"},
        "before": {"loss": 2.5},
        "monitors": {"grad_norm": {"conv1": "inf", "logits": "1.0"}},
        "examples": [
            {"index": 3, "name": "train/3.png"},
            {"index": 1, "name": "train/1.png"},
        ],
    }
    message = str(error)
    assert error.step == 7 and error.code == 65
    assert message.startswith("step 7: loss nan: expected finite numbers. Its 2 examples are in")
    assert str(path) in message and "checkpoint is of step 4" in message
    assert message.endswith("Worst blocks: gradient inf in conv1.")
