"""Tests `sweep/pictures.py`: the plots of a sweep as SVG and PNG."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
from PIL import Image

from inception_jax import cli
from inception_jax.sweep import folder, pictures
from inception_jax.sweep.comparison import Comparison


def test_pictures(grid_dir):
    """Each panel and all together, as valid SVG and non-empty PNG; drawing is reproducible."""
    figures = grid_dir / "figures"
    names = {p.name for p in figures.iterdir()}
    panels = ("sweep", "curves", "ranking", "parallel", "importances", "keys")
    assert names == {f"{n}.{k}" for n in panels for k in ("svg", "png")}
    for path in figures.glob("*.svg"):
        assert ET.parse(path).getroot().tag.endswith("svg")
    for path in figures.glob("*.png"):
        image = np.asarray(Image.open(path).convert("L"))
        assert min(image.shape) > 400 and image.min() < 100 and (image < 250).mean() > 0.005
    before = {p.name: p.read_bytes() for p in figures.iterdir()}
    assert cli.main(["report", str(grid_dir)]) == 0
    assert {p.name: p.read_bytes() for p in figures.iterdir()} == before


def test_labels_have_what_differs(grid_dir):
    """Of a long path its end; what all trials have in common is left out."""
    comparison = Comparison(folder.read(grid_dir))
    differing = [axis.key for axis in comparison.axes]
    p = comparison.rows[0]
    more = {"data.folds": 10, differing[0]: "long/path/to/net.py:MyNet"}
    trial = replace(p.trial, overrides=p.trial.overrides | more)
    label = pictures._label(replace(p, trial=trial), comparison)
    assert label.startswith("0: ") and "=net.py:MyNet" in label and "folds" not in label
