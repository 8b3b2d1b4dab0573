"""What the command line's tests share."""

import pytest

from inception_jax import rundir
from inception_jax.cli import pages


@pytest.fixture
def digits_config(monkeypatch, request):
    """The digits page as a run saves it; the test's working directory is the repository's."""
    monkeypatch.chdir(request.config.rootpath)
    return rundir.plain(pages.load("configs/digits.py"))
