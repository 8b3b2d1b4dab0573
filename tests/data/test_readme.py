"""Tests of inception_jax/data/README.md: its files, commands and table."""

import json
import math
import re

import pytest

from inception_jax import models
from tests.conftest import ROOT

FOLDER = ROOT / "inception_jax" / "data"
TEXT = (FOLDER / "README.md").read_text()
GOLDEN = json.loads((ROOT / "tests/models/golden.json").read_text())


def test_files_exist():
    """Every module, config page and experiment that the text names."""
    for path in re.findall(r"`((?:sources/|images/)?\w+\.py)`", TEXT):
        assert (FOLDER / path).is_file(), path
    for path in re.findall(r"(?:configs|experiments)/[\w/]+\.py", TEXT):
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("row", re.findall(r"^\| `\w+` \| \d{3} \|.*$", TEXT, re.M))
def test_cores_per_chip(row):
    """A chip's rate follows from the multiply-adds, the cores from both rates."""
    name, _, core, chip, cores, eight = (c.strip(" `") for c in row.strip("|").split("|"))
    core, chip = float(core.replace(",", "")), float(chip.replace(",", ""))
    macs = GOLDEN[name][models.dialects(name)[0]]["macs"]["value"]
    assert chip == round(0.4 * 197e12 / (3 * 2 * macs))
    assert float(cores) == pytest.approx(chip / core, abs=0.06)
    assert int(eight) == pytest.approx(math.ceil(8 * chip / core), abs=1)
