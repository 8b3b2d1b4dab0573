"""Tests that the README says what the code and the run files say."""

import re
import subprocess
import sys

import pytest

from inception_jax.cli import COMMANDS
from tests.conftest import ROOT


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
    "name", ["README.md", "inception_jax/models/README.md", "configs/README.md"]
)
def test_commands_and_files_exist(name):
    """Every command and every path that a README names exists."""
    text = (ROOT / name).read_text()
    words = set(re.findall(r"inception-jax (\w+)", text))
    assert words and words <= set(COMMANDS)
    paths = r"(?:configs|experiments|inception_jax|tests)/[\w/]+\.(?:py|png|md|json)"
    for path in re.findall(paths, text):
        assert (ROOT / path).exists(), path
