"""Tests of inception_jax/data/README.md: its files, commands and table."""

import json
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


def _cells(row: str) -> list[str]:
    return [cell.strip(" `").replace(",", "") for cell in row.strip("|").split("|")]


RATES = {
    pixels: [float(rate) for rate in _cells(rates)]
    for pixels, rates in re.findall(r"^\| (\d{3}) pixels (\|.*)$", TEXT, re.M)
}


@pytest.mark.parametrize("row", re.findall(r"^\| `\w+` \| \d{3} \|.*$", TEXT, re.M))
def test_cores_per_chip(row):
    """A TPU's rate follows from the multiply-adds, the cores from both rates."""
    name, pixels, kind, images, *cores = _cells(row)
    macs = GOLDEN[name][models.dialects(name)[0]]["macs"]["value"]
    expected = {"TPU v5e": round(0.4 * 197e12 / (3 * 2 * macs)), "H100": 4_821}
    assert int(images) == expected[kind]
    for core, rate in zip(cores, RATES[pixels], strict=True):
        assert float(core) == pytest.approx(int(images) / rate, abs=0.06)
