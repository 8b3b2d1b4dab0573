"""A run of three saved steps, shared by the tests."""

import shutil

import pytest

from tests import saved


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A run of three steps; tests copy it."""
    workdir = tmp_path_factory.mktemp("checkpoint") / "run"
    saved.steps(workdir / "checkpoints", 5, 10, 15)
    return workdir


@pytest.fixture
def run(original, tmp_path):
    """A run of three steps, to be damaged."""
    return shutil.copytree(original, tmp_path / "run")
