"""Tests `inception_jax/train/monitors.py`: the order of a line, and the worst blocks as text."""

import math

import numpy as np

from inception_jax.train import monitors

ROWS = ("conv_1a", "block8", "conv_7b")
VALUES = {
    "dead_relu": {"block8_10": 0.97, "block8_2": 0.51, "conv_1a": 0.0, "conv_7b": 0.5},
    "grad_norm": {"block8_10": 1.0, "block8_2": 2.0, "conv_1a": 3.0, "conv_7b": 4.0, "logits": 5.0},
    "residual_ratio": {"block8_10": 1.0, "block8_2": 2.5},
}


def test_a_line_is_in_the_order_of_the_network():
    """Kinds as declared; rows top to bottom, repeats by number, then other parameters; floats."""
    values = {kind: {b: np.float32(v) for b, v in x.items()} for kind, x in VALUES.items()}
    line = monitors.line(values, ROWS)
    assert list(line) == ["residual_ratio", "dead_relu", "grad_norm"]
    order = ["conv_1a", "block8_2", "block8_10", "conv_7b", "logits"]
    assert list(line["grad_norm"]) == order
    assert list(line["dead_relu"]) == order[:4]
    assert all(type(v) is float for x in line.values() for v in x.values())


def test_values_out_of_bounds():
    """Beyond half the channels, beyond ratio 1, or not a number; the worst first."""
    assert monitors.wrong(VALUES) == {
        "dead_relu": {"block8_10": 0.97, "block8_2": 0.51},
        "residual_ratio": {"block8_2": 2.5},
    }
    bad = {"a": 1.0, "b": math.inf, "c": math.nan, "d": 1e30}
    assert list(monitors.wrong({"grad_norm": bad})["grad_norm"]) == ["b", "c"]
    assert monitors.wrong({"residual_ratio": {}, "dead_relu": {}, "grad_norm": {"a": 1.0}}) == {}


def test_the_worst_blocks_in_one_line():
    """It names blocks beyond their bounds, else the largest; empty without monitors."""
    assert monitors.worst(VALUES) == (
        "Worst blocks: residual/input 2.5 in block8_2; silent channels 97% in block8_10, 51% in "
        "block8_2; gradient 5 in logits, 4 in conv_7b, 3 in conv_1a, 2 in block8_2 and 1 more."
    )
    bad = {"grad_norm": {"a": math.nan, "b": 1.0}, "dead_relu": {}, "residual_ratio": {}}
    assert monitors.worst(bad) == "Worst blocks: gradient nan in a."
    assert monitors.worst({}) == ""
