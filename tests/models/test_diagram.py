"""Tests `inception_jax/models/diagram.py`: a well-formed drawing with a box for each row."""

from xml.etree import ElementTree

from inception_jax import models
from inception_jax.models import diagram
from tests.models.small import with_rows
from tests.tiny import Tiny


def texts(model, size=None):
    root = ElementTree.fromstring(diagram.svg(models.describe(model, size)))
    return [e.text for e in root.iter() if e.tag.endswith("text")]


def test_every_row_and_head_is_drawn():
    """Rows by name, with their grids, and the auxiliary head."""
    drawn = texts(Tiny(), 8)
    assert {"conv1: 3x3 8", "pool1", "aux_conv2", "8×8 × 8"} <= set(drawn)


def test_a_block_is_drawn_in_detail():
    """Its steps between input and concatenation; forks side by side."""
    drawn = texts(with_rows("inception_v3", "", ["mixed_7b"]))
    assert {"input", "concatenate", "avg 3x3", "1x3 48", "3x1 48"} <= set(drawn)
