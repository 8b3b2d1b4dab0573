"""What the command line's tests share."""

import pytest

from inception_jax.cli import pages
from inception_jax.workdir import run_dir
from tests.cli.fake_sweep import sweep  # noqa: F401
from tests.cli.sweep_page import page  # noqa: F401
from tests.evaluated import tiny_run, tiny_workdir  # noqa: F401
from tests.fid.image_folders import folders  # noqa: F401


@pytest.fixture
def digits_config(monkeypatch, request):
    """The digits page as a run saves it; the test's working directory is the repository's."""
    monkeypatch.chdir(request.config.rootpath)
    return run_dir.plain(pages.load("configs/digits.py"))
