"""Tests that the README says what the code and the run files say."""

import re
import subprocess
import sys

import pytest

from inception_jax import models
from inception_jax.cli import COMMANDS
from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text()


def test_the_results_table_is_made_from_the_run_files():
    """`experiments/table.py` would change nothing."""
    done = subprocess.run(
        [sys.executable, "experiments/table.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "dialect"), [(n, d) for n in models.names() for d in models.dialects(n)]
)
def test_the_networks_table(name, dialect):
    """Parameters and multiply-adds of every network and dialect stand in the README's table."""
    table = models.describe(models.create(name, dialect=dialect))
    for line in TEXT.splitlines():
        if f"| `{dialect}` |" in line and f"{table.params:,}" in line:
            assert f"{table.macs / 1e9:.3f}" in line
            heads = f"{table.params_with_aux:,}"
            assert (heads in line) == (table.params_with_aux != table.params) or heads in line
            return
    raise AssertionError(f"no row for {name} {dialect}: {table.params:,}")


def test_commands_and_files_exist():
    """Every command and every path that the README names is there."""
    words = set(re.findall(r"inception-jax (\w+)", TEXT))
    assert words and words <= set(COMMANDS)
    for path in re.findall(r"(?:configs|experiments|inception_jax)/[\w/]+\.(?:py|png|md)", TEXT):
        assert (ROOT / path).exists(), path
