"""The fixture that writes fake runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from . import fake_runs


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a run under tmp_path, with the options of `fake_runs.build`."""
    return lambda name="v3-base", **options: fake_runs.build(tmp_path / name, **options)
