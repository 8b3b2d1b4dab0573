"""Tests `launch/rendering.py`: the order of keys and the style of scripts."""

import yaml

from inception_jax.launch import rendering


def test_keys_keep_their_order_and_scripts_are_blocks():
    """The YAML reads as if written by hand, and parses to the same values."""
    task = {"name": "a", "args": {"z": 1, "b": [2]}, "run": "first\nsecond\n"}
    text = rendering.dump_yaml(task)
    assert text.splitlines()[0] == "name: a" and "run: |\n  first\n  second\n" in text
    assert text.index("z: 1") < text.index("b:")
    assert yaml.safe_load(text) == task


def test_several_documents():
    """Documents are separated, as kubectl expects."""
    assert list(yaml.safe_load_all(rendering.dump_yaml({"a": 1}, {"b": 2}))) == [{"a": 1}, {"b": 2}]
