"""Every test of launching runs in the repository's folder, without variables of NCCL."""

import os

import pytest

from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def in_repository(monkeypatch):
    """Relative --config paths are found, and rendered jobs are the same everywhere."""
    monkeypatch.chdir(ROOT)
    for name in [name for name in os.environ if name.startswith("NCCL_")]:
        monkeypatch.delenv(name)
