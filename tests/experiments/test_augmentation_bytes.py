"""Tests the bytes of `experiments/speed/augmentation.py`, by the TPU's compiler."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.tpu
def test_augmentation_is_at_most_three_percent_of_the_step(tmp_path):
    """Mirror, mixup, CutMix, erasing with noise: of the bytes of Inception-v3's step."""
    words = [sys.executable, "experiments/speed/augmentation.py", "bytes", "--cases=off,all"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=env, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    off, every = map(json.loads, done.stdout.splitlines()[-2:])
    assert off["accessed_gb"] < every["accessed_gb"]
    assert every["share"] <= 0.03, (off, every)
