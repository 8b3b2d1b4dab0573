"""The fixture that makes fake runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from . import fake_runs


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a run under tmp_path; `fake_runs.build` has the options."""
    return lambda name="v3-base", **options: fake_runs.build(tmp_path / name, **options)
