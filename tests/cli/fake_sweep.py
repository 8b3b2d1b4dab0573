"""A grid whose runs are files with made-up numbers."""

import pytest

from tests.conftest import ROOT
from tests.sweep import fake_trials


@pytest.fixture
def sweep(tmp_path, monkeypatch, capsys):
    """A grid of four trials with made-up runs, the last unfinished."""
    monkeypatch.chdir(ROOT)
    at = fake_trials.write(tmp_path, "wide", unfinished=1)
    capsys.readouterr()
    return at
