"""Tests `sweep/pictures.py`: the plots of a sweep as SVG and PNG."""

import xml.etree.ElementTree as ET

import numpy as np
from PIL import Image

from inception_jax import cli


def test_pictures(grid_dir):
    """Each panel and all together, as valid SVG and non-empty PNG; drawing is reproducible."""
    pictures = grid_dir / "figures"
    names = {p.name for p in pictures.iterdir()}
    panels = ("sweep", "curves", "ranking", "parallel", "importances", "keys")
    assert names == {f"{n}.{k}" for n in panels for k in ("svg", "png")}
    for path in pictures.glob("*.svg"):
        assert ET.parse(path).getroot().tag.endswith("svg")
    for path in pictures.glob("*.png"):
        image = np.asarray(Image.open(path).convert("L"))
        assert min(image.shape) > 400 and image.min() < 100 and (image < 250).mean() > 0.005
    before = {p.name: p.read_bytes() for p in pictures.iterdir()}
    assert cli.main(["report", str(grid_dir)]) == 0
    assert {p.name: p.read_bytes() for p in pictures.iterdir()} == before
