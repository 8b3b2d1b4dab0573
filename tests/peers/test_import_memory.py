"""Tests that importing a large file needs at most three times its size in memory."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.peers

SCRIPT = """
import resource, sys
from pathlib import Path
from inception_jax.runtime import startup
from inception_jax.weights.import_weights import import_weights
startup.start()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
import_weights("timm:inception_resnet_v2", Path(sys.argv[1]), Path(sys.argv[2]))
print(peak() - before)
"""


def test_at_most_three_times_the_file(peer_files, tmp_path):
    """Without the interpreter and its libraries; 56 million parameters, 224 MB."""
    file = peer_files / "timm-inception_resnet_v2.safetensors"
    command = [sys.executable, "-c", SCRIPT, file, tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    taken = int(done.stdout.split()[-1])
    assert taken <= 3 * file.stat().st_size, taken
