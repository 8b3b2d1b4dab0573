"""Tests that the comments of the sections explain every key."""

import pytest

from inception_jax import config as cfg
from inception_jax.config.meanings import meanings


def test_every_key_has_a_meaning():
    """A comment of at most two lines beside each key of `sections`, and none of another key."""
    found = meanings()
    assert set(found) == set(cfg.RULES)
    long = {key: m.text for key, m in found.items() if not 3 <= len(m.text) <= 120}
    assert not long


@pytest.mark.parametrize(
    ("key", "part", "sources"),
    [("data.batch_size", "images per step", ()),  # beside the key
     ("data.crop", "random crop", ("arXiv:1409.4842",)),  # above it
     ("augment.policy", "RandAugment", ("arXiv:1909.13719", "arXiv:2103.10158")),
     ("eval.protocol", "crops of an image", ()),  # after a value of several lines
     ("seed", "initial weights", ())],
)  # fmt: skip
def test_a_comment_has_a_meaning_and_sources(key, part, sources):
    """Papers in brackets become arXiv numbers."""
    assert part in meanings()[key].text and meanings()[key].sources == sources
