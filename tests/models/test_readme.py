"""Tests the examples of `inception_jax/models/README.md` and of the public docstrings."""

import doctest

import numpy as np
import pytest

from inception_jax import models
from inception_jax.models import trained
from tests import evaluated
from tests.conftest import ROOT
from tests.data.pictures import encoded

README = ROOT / "inception_jax/models/README.md"


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compiler", "promotion")
def test_the_readmes_examples(tmp_path, monkeypatch):
    """Each prints what is written below it, where there is a run and a photograph."""
    monkeypatch.chdir(tmp_path)
    evaluated.workdir(tmp_path / "runs/digits", names=[*"0123456789"])
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    (tmp_path / "photo.png").write_bytes(encoded(pixels, ".png"))
    failed, tried = doctest.testfile(str(README), module_relative=False)
    assert tried >= 25 and not failed


@pytest.mark.parametrize("module", [models, trained])
def test_the_docstrings_examples(module):
    """Each prints what is written below it."""
    failed, tried = doctest.testmod(module)
    assert not failed and (tried or module is not models)
