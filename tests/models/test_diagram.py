"""Tests `inception_jax/models/diagram.py`: a well-formed drawing with a box for each row."""

from xml.etree import ElementTree

import pytest

from inception_jax import models
from inception_jax.models import diagram
from tests.models.small import with_rows
from tests.tiny import Tiny


def root_of(model, size=None, **options):
    return ElementTree.fromstring(diagram.svg(models.describe(model, size), **options))


def texts(model, size=None, **options):
    root = root_of(model, size, **options)
    return [e.text for e in root.iter() if e.tag.endswith("text")]


def test_every_row_and_head_is_drawn():
    """Rows by name, with their grids, and the auxiliary head."""
    drawn = texts(Tiny(), 8)
    assert {"conv1: 3x3 8", "pool1", "aux_conv2", "8×8 × 8"} <= set(drawn)


@pytest.mark.parametrize("up", [False, True])
def test_a_page_of_a4_with_text_of_seven_points(up):
    """The whole v3: no smaller text, nothing outside of the page, the head's layers, the legend."""
    root = root_of(models.create("inception_v3"), up=up)
    assert root.get("viewBox") == "0 0 595.0 842.0"
    found = [e for e in root.iter() if e.tag.endswith("text")]
    assert min(float(e.get("font-size")) for e in found) == 7
    assert {"avg 5x5/3 V", "5x5 V 768", "fc 1000"} <= {e.text for e in found}
    assert any("VALID" in e.text for e in found)
    for box in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, y, width, height = (float(box.get(k)) for k in ("x", "y", "width", "height"))
        assert x >= 0 and y >= 0 and x + width <= 595 and y + height <= 842
    height = {e.text: float(e.get("y")) for e in found}
    assert (height["conv_1a: 3x3/2 V 32"] > height["mixed_5b"]) == up


@pytest.mark.slow
def test_rows_alone():
    """Some rows on a narrower page, with what comes in; others are named."""
    model = models.create("inception_v3")
    root = root_of(model, rows=["mixed_6b", "mixed_7a"])
    assert float(root.get("viewBox").split()[2]) < 330
    drawn = texts(model, rows=["mixed_6b", "mixed_7a"])
    assert {"mixed_6b", "mixed_7a", "7x1 192", "17×17 × 768"} <= set(drawn)
    assert "mixed_6c" not in drawn and "conv_1a: 3x3/2 V 32" not in drawn
    with pytest.raises(ValueError, match="no row 'mixed_9'"):
        texts(model, rows=["mixed_9"])


def test_no_legend_without_need():
    """A drawing without VALID padding or strides has none."""
    assert not any("VALID" in text for text in texts(Tiny(aux=False), 8))


def test_a_block_is_drawn_in_detail():
    """Its steps between input and concatenation; forks side by side."""
    drawn = texts(with_rows("inception_v3", "", ["mixed_7b"]))
    assert {"input", "concatenate", "avg 3x3", "1x3 48", "3x1 48"} <= set(drawn)
