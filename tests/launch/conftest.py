"""Every test of launching runs in the repository's folder."""

import pytest

from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def in_repository(monkeypatch):
    """Relative --config paths are found."""
    monkeypatch.chdir(ROOT)
