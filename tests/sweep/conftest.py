"""A finished grid and a search that has not started, shared by the tests of sweeps."""

import pytest

from inception_jax import cli
from inception_jax.sweep import folder, search
from tests.conftest import ROOT
from tests.sweep import fake_trials, pages


@pytest.fixture(scope="session")
def grid_dir(tmp_path_factory):
    """The directory of a grid of 32 trials, the last three half done, with its report."""
    path = fake_trials.write(tmp_path_factory.mktemp("grid"), unfinished=3)
    assert cli.main(["report", str(path)]) == 0
    return path


@pytest.fixture
def new_search(tmp_path, monkeypatch):
    """A search of four trials without workers."""
    monkeypatch.chdir(ROOT)
    page = pages.write(tmp_path)
    words = f"--config={page} --search --trials=4 --startup=2 --grace=1 --dir={tmp_path}/sweep"
    assert cli.main(["sweep", "expand", *words.split(), "--config.train.epochs=12.0"]) == 0
    sweep = folder.read(tmp_path / "sweep")
    search.study(sweep, create=True)
    return sweep
